/**
 * Puts loads on record as fast as it can, for tests that kill it or run two of it: `audit-child.ts LOG COUNT`. Prints the
 * number of each entry when that is on disk.
 */
import { appendEntry } from '../../../src/site/audit/log.ts';
import { makeFacts } from './audit-entries.ts';

const [log = '', count = '0'] = process.argv.slice(2);
for (let done = 0; done < Number(count); done++) {
  const { entry } = await appendEntry(log, makeFacts(done));
  process.stdout.write(`${entry.sequence}\n`);
}
