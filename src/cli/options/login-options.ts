/** Options of logging in to a registry, and how it is reached. */
import { flag, text, type ValuesOf } from '../command.ts';
import { targetOptions } from './target-options.ts';

const { allowHost, plainHttp, insecure, caFile } = targetOptions;

/** The account. */
export const accountOptions = {
  username: text('--username <name>', 'the account of the registry, which must be given'),
  passwordFile: text('--password-file <file>', 'file with the password or token and nothing else'),
  passwordStdin: flag('--password-stdin', 'read the password from standard input (default: ask at the terminal)'),
} as const;

export const loginOptions = { ...accountOptions, allowHost, plainHttp, insecure, caFile } as const;

/** Their values. */
export type LoginOptions = ValuesOf<typeof loginOptions>;
