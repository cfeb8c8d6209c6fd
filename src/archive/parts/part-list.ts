/**
 * `<archive>.parts.json`: how long each part is and what it holds. Nothing vouches for it. It is a help to name a part
 * that is missing or bad before everything is read, and to choose between copies; what decides is the signature.
 */
import * as z from 'zod';
import { serializeCanonically } from '../../base/json/canonical-json.ts';
import { parseJson } from '../../base/json/parse-json.ts';
import { DigestText, Size } from '../../content/content-graph.ts';
import { MAX_PARTS, partPath } from './part-names.ts';

/** Bytes of a list, with the longest names. */
export const MAX_PART_LIST_BYTES: number = 1024 * 1024;
const MAX_VALUES = 16 * MAX_PARTS;

const ListedPart = z.strictObject({
  name: z.string().describe('Name of the file: that of the archive, a dot and three digits'),
  size: Size.min(1).describe('bytes'),
  digest: DigestText.meta({ type: 'string', pattern: '^sha256:[a-f0-9]{64}$' }).describe('Of its bytes'),
});

/** The whole document. Key order is the order of the file. */
export const PartList = z
  .strictObject({
    formatVersion: z.literal(1),
    archive: z.string().describe('File name of the archive that the parts make, one after the other'),
    size: Size.describe('bytes of the archive'),
    parts: z.array(ListedPart).min(1).max(MAX_PARTS).describe('In their order'),
  })
  .describe('The parts of an archive. A help, which nothing vouches for: the signature of the archive decides.');
export type PartList = z.infer<typeof PartList>;

/** The bytes of the file. */
export function serializePartList(list: PartList): Buffer {
  return serializeCanonically(PartList.parse(list));
}

/** Reads a list; undefined for one that is of no use, since everything in it can be found out without it. */
export function parsePartList(bytes: Uint8Array, archive: string): PartList | undefined {
  let json: unknown;
  try {
    json = parseJson(bytes, { maxBytes: MAX_PART_LIST_BYTES, maxValues: MAX_VALUES });
  } catch {
    return undefined;
  }
  const parsed = PartList.safeParse(json);
  if (!parsed.success) return undefined;
  const { parts, size } = parsed.data;
  const isNamed = parts.every(({ name }, index) => name === partPath(archive, index + 1));
  const isWhole = parts.reduce((sum, part) => sum + part.size, 0) === size;
  return isNamed && isWhole && parsed.data.archive === archive ? parsed.data : undefined;
}

const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/parts-v1.schema.json';

/** The JSON Schema as text with a newline at the end: what docs/parts.schema.json holds. */
export function formatPartListSchema(): string {
  const schema = z.toJSONSchema(PartList, { io: 'input', target: 'draft-2020-12', unrepresentable: 'any' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Parts of an archive', ...schema }, null, 2)}\n`;
}
