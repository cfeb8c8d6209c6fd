/**
 * One look at an archive in a process of its own, whose cost is printed: `cost-child.ts <verb> <archive> <public key> [trust file]`.
 * The verbs are `verify`, `stream` and `inspect`.
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { verifyArchive, verifyStream } from '../../../src/archive/verification/verified-archive.ts';
import { inspectArchive } from '../../../src/operations/inspect.ts';
import { exitCodeOf } from '../../../src/errors.ts';
import { readTrustFile } from '../../../src/trust/documents/document-files.ts';
import { loadPublicKey } from '../../../src/trust/keys/public-key.ts';

const [verb, archive = '', key = '', trust] = process.argv.slice(2);
const anchor =
  trust === undefined
    ? { keys: [loadPublicKey(await readFile(key, 'utf8'), key)], threshold: 1 }
    : await readTrustFile(trust);
const acceptance = { anchor, now: new Date('2026-02-01T00:00:00Z') };
let outcome = { exitCode: 0, code: '', message: '' };
try {
  if (verb === 'verify') await verifyArchive(archive, acceptance);
  else if (verb === 'stream') await verifyStream(createReadStream(archive), 'stream', acceptance);
  else await inspectArchive(archive);
} catch (error) {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  outcome = { exitCode: exitCodeOf(error), code, message: message.slice(0, 300) };
}
const { userCPUTime, systemCPUTime } = process.resourceUsage();
// The kernel's other figure, `ru_maxrss`, begins with that of the process this one was forked from.
const peak = /^VmHWM:\s+([0-9]+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
process.stdout.write(
  `${JSON.stringify({ ...outcome, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, rssBytes: Number(peak) * 1024 })}\n`,
);
