/** Takes the lock at the given path, says how that went, and keeps what it got until it is killed. */
import { acquireFileLock } from '../../../src/base/files/file-lock.ts';
import { AirgapError } from '../../../src/errors.ts';

try {
  await acquireFileLock(process.argv[2] ?? '', 'the archive');
  process.stdout.write('held\n');
  setInterval(() => undefined, 60_000);
} catch (error) {
  if (!(error instanceof AirgapError)) throw error;
  process.stdout.write(`${error.code}\n`);
}
