/** JSON documents, as they are printed and written to files. */
import { toPrintableJson } from './printable.ts';

/** Version of every JSON document that is printed or written. */
export const SCHEMA_VERSION = 1;

/** The document with `schemaVersion` in front, indented, safe to show on a terminal, with a line break at the end. */
export function formatDocument(document: object): string {
  return `${toPrintableJson({ schemaVersion: SCHEMA_VERSION, ...document }, 2)}\n`;
}
