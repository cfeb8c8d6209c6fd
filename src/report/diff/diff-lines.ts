/** In what two releases differ, as people read it. */
import type { FileChange } from '../../archive/comparison/compare-files.ts';
import type { ComparedImage, ImageChange } from '../../archive/comparison/compare-images.ts';
import type { NameComparison } from '../../archive/comparison/compare-releases.ts';
import type { DescribedRelease, ReleaseDiff } from '../../operations/diff.ts';
import { formatBytes, formatCount, formatTable, shortDigest } from '../format.ts';

const NOT_VERIFIED = 'NOT VERIFIED: this is what the files say of themselves.';

/** Both releases, the bytes, then a row for each image and each file that differs. */
export function describeDiff({ old: before, new: after, comparison }: ReleaseDiff): readonly string[] {
  const { images, files, components, platforms, platformBytes, size, newSize, goneSize } = comparison;
  return [
    NOT_VERIFIED,
    ...formatTable([
      ['old', nameRelease(before), `${before.kind} ${before.path}`],
      ['new', nameRelease(after), `${after.kind} ${after.path}`],
    ]),
    `  bytes      ${formatBytes(newSize)} new of ${formatBytes(size)}; ${formatBytes(goneSize)} of the old are gone`,
    ...platformBytes.map(
      (bytes) => `  platform   ${bytes.platform}: ${formatBytes(bytes.newSize)} new of ${formatBytes(bytes.size)}`,
    ),
    ...describeNames('platforms', platforms),
    ...describeNames('components', components),
    ...section(imageRows(images.changes)),
    ...section(fileRows(files.changes)),
    '',
    `${count(images.changes, images.unchanged, 'image')}; ${count(files.changes, files.unchanged, 'file')}`,
  ];
}

function nameRelease({ name, version, channel, sequence, created }: DescribedRelease): string {
  const place = sequence === undefined ? '' : `, sequence ${sequence}`;
  return `${name} ${version} (${channel}${place}, ${created})`;
}

function describeNames(what: string, { added, removed }: NameComparison): readonly string[] {
  const names = [...added.map((name) => `+ ${name}`), ...removed.map((name) => `- ${name}`)];
  return names.length === 0 ? [] : [`  ${what.padEnd(10)} ${names.join(', ')}`];
}

/** A table below an empty line; nothing without rows. */
function section(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 1 ? [] : ['', ...formatTable(rows)];
}

function imageRows(changes: readonly ImageChange[]): readonly (readonly string[])[] {
  return [
    ['CHANGE', 'IMAGE', 'WHAT', 'NEW'],
    ...changes.map((change) => [
      change.change,
      (change.new ?? change.old).reference,
      describeImage(change),
      change.new === undefined ? '' : formatBytes(change.new.newSize),
    ]),
  ];
}

function describeImage(change: ImageChange): string {
  if (change.new === undefined) return '';
  if (change.old === undefined) return change.new.platforms.join(',');
  const { old: before, new: after } = change;
  const parts = describeParts(before, after);
  const digests = `${shortDigest(before.digest)} -> ${shortDigest(after.digest)}`;
  const what = { changed: `was ${before.reference}`, moved: digests, parts: '' }[change.change];
  return [what, ...parts].filter((part) => part !== '').join('; ');
}

function describeParts(before: ComparedImage, after: ComparedImage): readonly string[] {
  const platforms = [
    ...after.platforms.filter((platform) => !before.platforms.includes(platform)).map((platform) => `+ ${platform}`),
    ...before.platforms.filter((platform) => !after.platforms.includes(platform)).map((platform) => `- ${platform}`),
  ];
  const evidenceOf = ({ evidence }: ComparedImage): string =>
    evidence === undefined ? 'not looked for' : String(evidence.length);
  const known = new Set(before.evidence?.map(({ digest }) => digest));
  const isOther =
    evidenceOf(before) !== evidenceOf(after) ||
    (before.digest === after.digest && after.evidence?.some(({ digest }) => !known.has(digest)) === true);
  return [
    ...(platforms.length === 0 ? [] : [platforms.join(', ')]),
    ...(before.indexMode === after.indexMode
      ? []
      : [`index ${before.indexMode ?? 'none'} -> ${after.indexMode ?? 'none'}`]),
    ...(isOther ? [`evidence ${evidenceOf(before)} -> ${evidenceOf(after)}`] : []),
  ];
}

function fileRows(changes: readonly FileChange[]): readonly (readonly string[])[] {
  return [
    ['CHANGE', 'FILE', 'WHAT', 'NEW'],
    ...changes.map((change) => [
      change.change,
      (change.new ?? change.old).path,
      change.old === undefined || change.new === undefined || change.old.path === change.new.path
        ? ''
        : `was ${change.old.path}`,
      change.new === undefined ? '' : formatBytes(change.new.newSize),
    ]),
  ];
}

/** `2 images added, 1 moved, 17 unchanged` */
function count(changes: readonly { readonly change: string }[], unchanged: number, what: string): string {
  const words = [...new Set(changes.map(({ change }) => change))].sort();
  const counts = words.map((word) => `${changes.filter(({ change }) => change === word).length} ${word}`);
  return `${formatCount(changes.length + unchanged, what)}: ${[...counts, `${unchanged} unchanged`].join(', ')}`;
}
