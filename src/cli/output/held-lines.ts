/** What does not move because its target holds it, for `--verbose`. */
import type { PendingCopy } from '../../content/plan.ts';
import type { Digest } from '../../oci/digest.ts';
import { shortDigest } from '../../report/format.ts';
import { contentName } from './event-lines.ts';
import type { Output } from './output.ts';

/** Names every piece of content that is passed over. */
export function noteHeld(output: Output, pending: PendingCopy, names: ReadonlyMap<Digest, string>): void {
  if (!output.verbose) return;
  for (const { transfer, present } of [...pending.blobs, ...pending.manifests]) {
    const { digest, size } = transfer.descriptor;
    const name = contentName(digest, names);
    for (const target of present) {
      output.detail(`skipped ${name} ${shortDigest(digest)}: ${target.name} holds it`, {
        ...{ event: 'skipped', digest, size, name: names.get(digest), target: target.name },
      });
    }
  }
  for (const { target, original, descriptor } of pending.substituted) {
    output.detail(
      `skipped ${shortDigest(original)}: ${target.name} holds ${shortDigest(descriptor.digest)} in its place`,
      {
        ...{ event: 'skipped', digest: original, target: target.name, substitute: descriptor.digest },
      },
    );
  }
}
