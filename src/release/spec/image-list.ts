/** Image lists: text files with one reference a line. */
import { AirgapError, UsageError } from '../../errors.ts';
import { parseImage } from './spec-schema.ts';
import type { ImageSpec } from './spec.ts';
import { readTextFile } from '../../base/files/read-file.ts';

const MAX_LIST_BYTES = 4 * 1024 * 1024;
const MAX_PROBLEMS = 20;

/**
 * Reads an image list: one reference a line (`docker-daemon:` allowed), `#` begins a comment, blank lines are skipped.
 * The same image twice is listed once, where it was found first.
 * @throws UsageError `INVALID_SPEC` with every bad line, as `file:line:column`.
 */
export function parseImageList(text: string, fileName: string): readonly ImageSpec[] {
  const images = new Map<string, ImageSpec>();
  const problems: string[] = [];
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((line, index) => {
      const entry = line.replace(/(^|\s)#.*$/, '').trim();
      if (entry === '') return;
      const at = `${fileName}:${index + 1}:${line.indexOf(entry) + 1}`;
      try {
        const image = parseImage(entry);
        const key = JSON.stringify(image);
        if (!images.has(key)) images.set(key, { ...image, at });
      } catch (error) {
        if (!(error instanceof AirgapError)) throw error;
        problems.push(`${at}: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`);
      }
    });
  if (problems.length > 0) {
    throw new UsageError('INVALID_SPEC', problems.slice(0, MAX_PROBLEMS).join('\n  '), {
      hint: 'an image list has one reference a line; # begins a comment',
      details: { file: fileName, problems: problems.length },
    });
  }
  return [...images.values()];
}

/** Reads an image list from disk. `shownAs` is what `at` and messages call the file. */
export async function loadImageList(path: string, shownAs: string = path): Promise<readonly ImageSpec[]> {
  return parseImageList(await readTextFile(path, { what: 'an image list', limit: MAX_LIST_BYTES }), shownAs);
}
