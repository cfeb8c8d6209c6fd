/** Places `new` at the given path, exclusively if asked, and says how that went. */
import { placeFile } from '../../../src/base/files/place-file.ts';
import { AirgapError } from '../../../src/errors.ts';

try {
  await placeFile(process.argv[2] ?? '', 'new', { exclusive: process.argv[3] === 'exclusive' });
  process.stdout.write('placed\n');
} catch (error) {
  if (!(error instanceof AirgapError)) throw error;
  process.stdout.write(`${error.code}\n`);
}
