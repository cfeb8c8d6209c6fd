/** The refusal of a release with suspects that nothing decides about, and the lines that decide. */
import { UsageError } from '../../errors.ts';
import { describeArtifact } from '../../kubernetes/discovery/known-artifacts.ts';
import { formatReference } from '../../oci/reference.ts';
import type { SuspectImage } from '../../release/suspects/evaluate-suspects.ts';

/** Suspects that are shown at once. */
const MAX_SHOWN = 50;

/** An error that names them with their places, and has what to add to the release.yaml. */
export function undecidedSuspects(suspects: readonly SuspectImage[]): UsageError {
  const shown = suspects.slice(0, MAX_SHOWN);
  const more = suspects.length - shown.length;
  const places = shown.flatMap(({ reference, foundIn }) => {
    const others = foundIn.length > 1 ? ` (and ${foundIn.length - 1} more)` : '';
    const artifact = describeArtifact(reference);
    const what = artifact === undefined ? '' : ` (artifact? probably ${artifact})`;
    return [`${formatReference(reference)}${what}`, `  in ${foundIn[0] ?? ''}${others}`];
  });
  const [first] = shown.map(({ reference }) => formatReference(reference));
  return new UsageError(
    'SUSPECT',
    `${suspects.length} image(s) may be pulled behind the gap, and the release says neither that they are carried nor why not:`,
    {
      items: [
        ...places,
        ...(more > 0 ? [`and ${more} more: \`airgap discover\` lists all`] : []),
        'add to the release.yaml, at its top level:',
      ],
      addition: [
        'accept: # pulled, and therefore carried',
        ...shown.map(({ reference }) => `  - ${formatReference(reference)}`),
        '# dismiss: # not pulled, each with the reason',
        `#   - image: ${first ?? ''}`,
        '#     reason: …',
      ],
      hint: '`airgap discover` shows every place that names them; --suspects=warn goes on without them',
      details: { suspects: suspects.length },
    },
  );
}
