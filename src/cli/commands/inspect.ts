/** `airgap inspect`: what an archive says of itself. Verifies nothing, and says so. */
import { argument, defineCommand, flag, writtenFile } from '../command.ts';
import type { Context } from '../context.ts';
import { leftOut } from '../../report/loads/delta-lines.ts';
import { formatBytes, formatCount, formatTable } from '../../report/format.ts';
import { formatEvidence } from '../../report/evidence-lines.ts';
import { describeImageEvidence, describeMissingManifests } from '../../report/image-evidence-lines.ts';
import { checkDocument, describeBuild, describeCheck, provenanceDocument } from '../../report/provenance-lines.ts';
import { partsOption } from '../options/load-options.ts';
import type { Inspection } from '../../operations/inspect.ts';

const NOT_VERIFIED = 'NOT VERIFIED: this is what the archive says of itself.';

export const imagesOption = flag(
  '--images',
  'show why each image is there: every place that names it, who signed it, and what was left out and why',
);

export const inventoryOption = writtenFile(
  '--inventory <file>',
  'write its inventory: what `airgap diff` compares, kilobytes in the place of the archive',
);

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'show what an archive says it holds, by reading its head only; verifies nothing',
  examples: [
    'inspect hexabase-offline-1.5.0.tar',
    'inspect release.tar --images',
    'inspect release.tar --inventory release.inventory.json',
    'inspect release.tar --json',
  ],
  arguments: { archive: argument('archive', 'the file') },
  options: { parts: partsOption, images: imagesOption, inventory: inventoryOption },
  async run(context, { archive }, options) {
    await inspectAndReport(context, archive, options);
  },
});

/** Reads the head and prints it; writes the inventory where it was asked for. */
export async function inspectAndReport(
  { output, signal }: Context,
  archive: string,
  options: {
    readonly images: boolean;
    readonly inventory: string | undefined;
    readonly parts: readonly string[];
  },
): Promise<void> {
  const { inspectArchive } = await import('../../operations/inspect.ts');
  const inspection = await inspectArchive(archive, { images: options.images, parts: options.parts, signal });
  if (options.inventory !== undefined) {
    const { writeInventoryFile } = await import('../../archive/reader/release-file.ts');
    await writeInventoryFile(options.inventory, inspection.inventory, signal);
  }
  const { inventory, images, signers, size, contentSize, path, trust } = inspection;
  const { name, version, channel, sequence, created, expires, platforms, components, files } = inventory;
  const document = {
    kind: 'inspection',
    verified: false,
    path,
    size,
    contentSize,
    release: { name, version, channel, sequence, created, expires, platforms },
    components,
    images,
    files,
    ...(inspection.delta === undefined ? {} : { delta: inspection.delta }),
    ...(inspection.missingManifests.length === 0 ? {} : { missingManifests: inspection.missingManifests }),
    claimedSigners: signers,
    trust: trust.map(({ name: member, digest, document: claimed }) => ({ member, digest, document: claimed })),
    claimedProvenance: inspection.provenance.map(provenanceDocument),
    claimedChecks: inspection.checks.map(checkDocument),
    ...(options.images ? { imageEvidence: inspection.imageEvidence ?? null } : {}),
  };
  const lines = options.images
    ? [NOT_VERIFIED, ...describeImageEvidence(inspection.imageEvidence)]
    : inspectionLines(inspection);
  output.result(document, lines);
  if (options.inventory !== undefined) output.note(`wrote ${options.inventory}`);
}

function inspectionLines({
  path,
  size,
  contentSize,
  inventory,
  images,
  signers,
  trust,
  provenance,
  delta,
  checks,
  missingManifests,
}: Inspection): readonly string[] {
  const { name, version, channel, sequence, created, expires, platforms, components, files } = inventory;
  return [
    NOT_VERIFIED,
    `${name} ${version} (${channel}, ${created})`,
    `  archive   ${path}, ${formatBytes(size)}; ${formatBytes(contentSize)} of unique content`,
    ...(delta === undefined ? [] : [`  delta     ${leftOut(delta)}`]),
    ...(sequence === undefined ? [] : [`  sequence  ${sequence}`]),
    ...(expires === undefined ? [] : [`  expires   ${expires}`]),
    `  platforms ${platforms.join(', ')}`,
    ...(signers.length === 0 ? ['  not signed'] : signers.map((keyId) => `  claims to be signed by ${keyId}`)),
    ...trust.map(
      ({ document, digest }) => `  carries trust version ${document.version}, until ${document.expires} (${digest})`,
    ),
    ...provenance.map((build) => `  claims to be built by ${describeBuild(build)}`),
    ...checks.map((check) => `  claims to be checked: ${describeCheck(check)}`),
    '',
    `${formatCount(components.length, 'component')}`,
    ...components.flatMap((component) => [
      `  ${component.name}: ${formatCount(component.images.length, 'image')}, ${formatCount(component.files.length, 'file')}` +
        (component.description === undefined ? '' : ` - ${component.description}`),
    ]),
    '',
    ...formatTable([
      ['IMAGE', 'PLATFORMS', 'INDEX', 'EVIDENCE', 'SIZE', 'SHARED'],
      ...images.map((image) => [
        image.reference,
        image.platforms.join(','),
        image.indexMode ?? 'single',
        formatEvidence(image.evidence),
        formatBytes(image.size),
        formatBytes(image.sharedSize),
      ]),
    ]),
    '',
    ...formatTable([['FILE', 'SIZE'], ...files.map((file) => [file.path, formatBytes(file.size)])]),
    ...describeMissingManifests(missingManifests),
  ];
}
