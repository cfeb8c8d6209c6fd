/**
 * A build in a process of its own, to be killed or starved: `build-child.ts <archive> <bytes of
 * the large layer to push> <bytes between two checkpoints>`.
 * Pushes everything small, then so much of the large layer, says `held`, and waits for its end.
 */
import { openArchiveWriter } from '../../src/archive/writer/writer.ts';
import type { Bytes } from '../../src/base/bytes.ts';
import { AirgapError } from '../../src/errors.ts';
import { descriptorsOf, fillAndFinish } from './sample-release.ts';
import { makeLargeRelease } from './large-release.ts';

const [path = '', limit = '', checkpoint = ''] = process.argv.slice(2);
const release = await makeLargeRelease(Number(checkpoint));

async function* stalling(content: Bytes, bytes: number): Bytes {
  let left = bytes;
  for await (const chunk of content) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left > 0) continue;
    process.stdout.write('held\n');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  }
}

try {
  await using writer = await openArchiveWriter(path, release.inventory);
  for (const descriptor of descriptorsOf(release.inventory)) {
    if (descriptor.digest === release.layer.descriptor.digest) continue;
    await writer.push(descriptor, release.store.fetch(descriptor));
  }
  const { descriptor } = release.layer;
  await writer.push(descriptor, stalling(release.store.fetch(descriptor), Number(limit)));
  await fillAndFinish(writer, release);
} catch (error) {
  if (!(error instanceof AirgapError)) throw error;
  process.stdout.write(`${error.code}\n`);
}
