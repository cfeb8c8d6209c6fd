/** Options of every command that reads from registries on the connected side, and how much is asked of registries anywhere. */
import { count, list, text } from '../command.ts';

const MAX_CONCURRENCY = 64;
const MAX_RETRIES = 100;

export const concurrencyOption = count(
  '--concurrency <n>',
  'transfers at the same time at most (default: as many as the link has use for, up to 24)',
  1,
  MAX_CONCURRENCY,
);

export const retriesOption = count('--retries <n>', 'how often a request that fails is sent again', 0, MAX_RETRIES);

export const sourceOptions = {
  caFile: text('--ca-file <file>', "PEM file of authorities to trust beside the system's"),
  mirror: list(
    '--mirror <host=place>',
    'fetch the images of a registry from another place, host[:port][/prefix]; the names stay',
  ),
  retries: retriesOption,
  plainHttpFrom: list('--plain-http-from <host>', 'registry to read from over plain HTTP (not needed for loopback)'),
} as const;
