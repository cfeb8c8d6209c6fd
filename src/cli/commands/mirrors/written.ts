/** A configuration in the words of one reader, and what is said when it does not hold everything. */
import { IncompleteError, UsageError } from '../../../errors.ts';
import type { MirrorFile, MirrorFiles, UnexpressedImage } from '../../../kubernetes/mirrors/dialect.ts';
import { formatCount } from '../../../report/format.ts';

/** Images that an error names one by one. */
const MAX_SHOWN = 20;

/** A configuration, and who reads it. */
export interface Written extends MirrorFiles {
  /** As `--format` takes it. */
  readonly format: string;
  /** For messages. */
  readonly title: string;
}

/** What standard output gets: one file as it is; several with their paths above them, for a look. */
export function printed(files: readonly MirrorFile[]): readonly string[] {
  return files.flatMap(({ path, content }) => [
    ...(files.length === 1 ? [] : [`# ${path}`]),
    ...content.trimEnd().split('\n'),
    ...(files.length === 1 ? [] : ['']),
  ]);
}

/** @throws UsageError when nothing can be expressed at all */
export function assertSomething({ title, files, unexpressed }: Written): void {
  if (files.length > 0) return;
  throw new UsageError('USAGE', `none of the images can be expressed for ${title}:`, {
    items: listed(unexpressed),
    hint: 'choose another --format; nothing was written',
  });
}

/** @throws IncompleteError `INCOMPLETE` naming what is left out */
export function assertAll({ title, unexpressed }: Written): void {
  if (unexpressed.length === 0) return;
  throw new IncompleteError(
    'INCOMPLETE',
    `${formatCount(unexpressed.length, 'image')} cannot be expressed for ${title}:`,
    {
      items: listed(unexpressed),
      hint: 'the rest was written; name these by where they are, or choose another --format',
    },
  );
}

function listed(unexpressed: readonly UnexpressedImage[]): readonly string[] {
  const more = unexpressed.length - MAX_SHOWN;
  const lines = unexpressed.slice(0, MAX_SHOWN).map(({ original, why }) => `${original} ${why}`);
  return more > 0 ? [...lines, `and ${more} more, which --json lists`] : lines;
}
