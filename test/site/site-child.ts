/**
 * Loads releases at a site as fast as it can, for tests that kill it or run two of it: `site-child.ts DIRECTORY COUNT`.
 * Each turn loads the release after the highest one the site has seen, and prints its sequence when that is on disk.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AirgapError } from '../../src/errors.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { openSite } from '../../src/site/site-state.ts';
import { advanceState, findLine, evaluateRollback } from '../../src/trust/rollback/evaluate-rollback.ts';

const [directory = '', count = '0'] = process.argv.slice(2);
const now = new Date('2027-06-01T12:00:00Z');

for (let done = 0; done < Number(count);) {
  try {
    await using site = await openSite(directory);
    const { state } = site;
    const sequence = (findLine(state, 'sample', 'stable')?.highest?.sequence ?? 0) + 1;
    const digest = sha256(String(sequence));
    const release = { product: 'sample', channel: 'stable', version: `1.${sequence}`, sequence, digest, signers: [] };
    await site.write(advanceState(state, release, evaluateRollback(release, { now, state }), { now }));
    process.stdout.write(`${sequence}\n`);
    done += 1;
  } catch (error) {
    if (!(error instanceof AirgapError && error.code === 'LOCKED')) throw error;
    await delay(1);
  }
}
