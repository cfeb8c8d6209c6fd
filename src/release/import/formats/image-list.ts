/** Text files with one image a line: images.txt, rancher-images.txt, k3s-images.txt and their kind. */
import { ComponentDraft } from '../component-draft.ts';
import { AirgapError } from '../../../errors.ts';
import { parseImage } from '../../spec/spec-schema.ts';
import type { ForeignFile } from '../foreign-file.ts';
import type { ImportedImage, ImportedRelease } from '../imported-release.ts';

/** Lines of a text that are looked at to tell what it is. */
const FIRST_LINES = 50;

/** Whether a text is a list of images: most of its first lines that say anything are references. */
export function isImageList(text: string): boolean {
  const lines = linesOf(text).slice(0, FIRST_LINES);
  return lines.filter(({ entry }) => isReference(entry)).length * 2 > lines.length;
}

/** Reads the list; `#` begins a comment. */
export function readImageList(text: string, file: ForeignFile): ImportedRelease {
  const images: ImportedImage[] = [];
  for (const { entry, line } of linesOf(text)) {
    try {
      parseImage(entry);
      images.push({ reference: entry, at: line });
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      file.refuse(line, `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`);
    }
  }
  return { components: [{ ...new ComponentDraft('images').finish(), images }], unexpressed: file.unexpressed };
}

function linesOf(text: string): readonly { readonly entry: string; readonly line: number }[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ entry: line.replace(/(^|\s)#.*$/, '').trim(), line: index + 1 }))
    .filter(({ entry }) => entry !== '');
}

function isReference(entry: string): boolean {
  try {
    parseImage(entry);
    return true;
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    return false;
  }
}
