/** What the parts of an archive are called: `<archive>.001` and so on, which sort in their order and which `cat` joins. */

/** With four digits they would no longer sort in their order. */
export const MAX_PARTS = 999;
const PART = /\.([0-9]{3})$/;
const LIST = '.parts.json';

/** The name of a part. @param number from 1 to {@link MAX_PARTS} */
export function partPath(archive: string, number: number): string {
  return `${archive}.${String(number).padStart(3, '0')}`;
}

/** The name of the list of the parts. */
export function partListPath(archive: string): string {
  return `${archive}${LIST}`;
}

/** The archive whose part, or list of parts, has this name; undefined for other names. */
export function archiveOfPart(path: string): string | undefined {
  if (path.endsWith(LIST)) return path.slice(0, -LIST.length);
  return PART.test(path) ? path.replace(PART, '') : undefined;
}

/** Which part of the archive a file is by its name; undefined for one that is none. */
export function partNumber(archiveName: string, fileName: string): number | undefined {
  if (!fileName.startsWith(archiveName)) return undefined;
  const rest = fileName.slice(archiveName.length);
  const number = rest.length === 4 ? Number(PART.exec(rest)?.[1]) : Number.NaN;
  return number >= 1 ? number : undefined;
}
