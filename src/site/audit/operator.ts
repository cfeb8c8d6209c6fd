/** Who does what goes on record. Nothing is looked up: the name is the environment's, the numbers are the kernel's. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { AuditOperator } from './entry-schema.ts';

const MAX_USER = 64;
const MAX_HOST = 255;
/** What the kernel says of a process that belongs to no login session. */
const NO_LOGIN = 0xffff_ffff;

/**
 * Describes who runs this process.
 * @param stated Who they say they are, beside what the system knows.
 */
export async function describeOperator(
  env: Readonly<Record<string, string | undefined>>,
  stated?: string,
): Promise<AuditOperator> {
  const user = (env['LOGNAME'] ?? env['USER'] ?? '').slice(0, MAX_USER);
  const uid = process.getuid?.();
  const login = Number(await readFile('/proc/self/loginuid', 'utf8').catch(() => NO_LOGIN));
  return {
    ...(stated === undefined ? {} : { stated }),
    ...(user === '' ? {} : { user }),
    ...(uid === undefined ? {} : { uid }),
    ...(Number.isInteger(login) && login !== NO_LOGIN ? { loginUid: login } : {}),
    host: hostname().slice(0, MAX_HOST) || 'unknown',
  };
}
