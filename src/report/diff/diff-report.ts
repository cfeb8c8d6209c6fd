/** What `airgap diff --json` prints. */
import * as z from 'zod';
import type { FileChange } from '../../archive/comparison/compare-files.ts';
import type { ComparedImage, ImageChange } from '../../archive/comparison/compare-images.ts';
import type { DescribedRelease, ReleaseDiff } from '../../operations/diff.ts';

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/diff-v1.schema.json';

const Bytes = z.int().min(0);
const Names = z.strictObject({ added: z.array(z.string()), removed: z.array(z.string()) });

const Release = z.strictObject({
  path: z.string(),
  source: z.enum(['archive', 'inventory', 'lock']),
  name: z.string(),
  version: z.string(),
  channel: z.string(),
  sequence: z.int().optional(),
  created: z.string(),
  expires: z.string().optional(),
});

const Image = z.strictObject({
  reference: z.string().describe('As the release names it.'),
  digest: z.string(),
  indexMode: z.enum(['complete', 'sparse']).optional().describe('Absent where the image has no index.'),
  platforms: z.array(z.string()),
  evidence: z.int().min(0).optional().describe('How many things vouch for it; absent where none was looked for.'),
  size: Bytes.describe('Of everything the image and its evidence reach.'),
});

const File = z.strictObject({ path: z.string(), digest: z.string(), size: Bytes });

const NEW_BYTES = 'Bytes that the old release does not hold under any name; what several share is in each.';

/** The document. */
export const DiffReport = z
  .strictObject({
    kind: z.literal('diff'),
    schemaVersion: z.literal(1),
    verified: z.literal(false).describe('Nothing is verified: it is what the files say of themselves.'),
    old: Release,
    new: Release,
    same: z.boolean().describe('Whether nothing below differs.'),
    bytes: z
      .strictObject({
        size: Bytes.describe('Of the new release.'),
        newSize: Bytes.describe('What has to cross the gap.'),
        goneSize: Bytes.describe('Of the old release, and not in the new one.'),
      })
      .describe('Of all content, each piece once.'),
    platforms: Names.extend({
      bytes: z
        .array(z.strictObject({ platform: z.string(), size: Bytes, newSize: Bytes }))
        .describe('Of the manifests of each platform of the new release, with their configs and layers.'),
    }),
    components: Names,
    images: z.strictObject({
      unchanged: z.int().min(0),
      changes: z.array(
        z.strictObject({
          change: z
            .enum(['added', 'removed', 'changed', 'moved', 'parts'])
            .describe(
              'changed: another tag or digest of the repository took its place. moved: the same tag names another ' +
                'image. parts: other platforms or evidence of the same image are carried.',
            ),
          old: Image.optional(),
          new: Image.optional(),
          newSize: Bytes.describe(NEW_BYTES),
        }),
      ),
    }),
    files: z.strictObject({
      unchanged: z.int().min(0),
      changes: z.array(
        z.strictObject({
          change: z.enum(['added', 'removed', 'changed']),
          old: File.optional(),
          new: File.optional(),
          newSize: Bytes.describe(NEW_BYTES),
        }),
      ),
    }),
  })
  .describe('In what two releases differ.');
export type DiffReport = z.infer<typeof DiffReport>;

/** The JSON Schema as text with a newline at the end: what docs/diff.schema.json holds. */
export function formatDiffSchema(): string {
  const schema = z.toJSONSchema(DiffReport, { target: 'draft-2020-12' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Difference of two releases', ...schema }, null, 2)}\n`;
}

/** The document of a comparison. */
export function toDiffReport({ old: before, new: after, comparison }: ReleaseDiff): DiffReport {
  const { images, files, components, platforms, platformBytes, size, newSize, goneSize, isSame } = comparison;
  return {
    kind: 'diff',
    schemaVersion: 1,
    verified: false,
    old: toRelease(before),
    new: toRelease(after),
    same: isSame,
    bytes: { size, newSize, goneSize },
    platforms: { ...toNames(platforms), bytes: [...platformBytes] },
    components: toNames(components),
    images: { unchanged: images.unchanged, changes: images.changes.map(toImageChange) },
    files: { unchanged: files.unchanged, changes: files.changes.map(toFileChange) },
  };
}

function toRelease(release: DescribedRelease): DiffReport['old'] {
  const { path, kind, name, version, channel, sequence, created, expires } = release;
  return {
    path,
    source: kind,
    name,
    version,
    channel,
    ...(sequence === undefined ? {} : { sequence }),
    created,
    ...(expires === undefined ? {} : { expires }),
  };
}

function toNames({ added, removed }: { readonly added: readonly string[]; readonly removed: readonly string[] }): {
  added: string[];
  removed: string[];
} {
  return { added: [...added], removed: [...removed] };
}

function toImageChange(change: ImageChange): DiffReport['images']['changes'][number] {
  return {
    change: change.change,
    ...(change.old === undefined ? {} : { old: toImage(change.old) }),
    ...(change.new === undefined ? {} : { new: toImage(change.new) }),
    newSize: change.new?.newSize ?? 0,
  };
}

function toImage({ reference, digest, indexMode, platforms, evidence, size }: ComparedImage): z.infer<typeof Image> {
  return {
    reference,
    digest,
    ...(indexMode === undefined ? {} : { indexMode }),
    platforms: [...platforms],
    ...(evidence === undefined ? {} : { evidence: evidence.length }),
    size,
  };
}

function toFileChange(change: FileChange): DiffReport['files']['changes'][number] {
  const toFile = ({ path, digest, size }: z.infer<typeof File>): z.infer<typeof File> => ({ path, digest, size });
  return {
    change: change.change,
    ...(change.old === undefined ? {} : { old: toFile(change.old) }),
    ...(change.new === undefined ? {} : { new: toFile(change.new) }),
    newSize: change.new?.newSize ?? 0,
  };
}
