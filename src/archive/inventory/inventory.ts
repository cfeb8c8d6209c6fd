/** Reads and writes `release.json` in its one canonical form: what parses but is not byte for byte canonical is refused. */
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { Inventory } from './inventory-schema.ts';
import { checkGraph } from './graph-rules.ts';
import { checkMembers, malformed } from './member-rules.ts';

/** Bytes of `release.json`: room for a hundred thousand blobs. */
export const MAX_INVENTORY_BYTES: number = 32 * 1024 * 1024;
/** Values in it: those of a hundred thousand blobs and what names them. */
const MAX_VALUES = 1_000_000;

/** The bytes of `release.json`. */
export function serializeInventory(inventory: Inventory): Buffer {
  return Buffer.from(`${JSON.stringify(Inventory.parse(inventory), null, 1)}\n`);
}

/**
 * Reads `release.json`. Duplicate keys, other white space, unknown fields, unsafe numbers: nothing but the canonical
 * bytes of a consistent inventory is accepted.
 * @throws IntegrityError `MALFORMED`
 */
export function parseInventory(bytes: Buffer): Inventory {
  let json: unknown;
  try {
    // The spelling is compared below.
    json = parseJson(bytes, { maxBytes: MAX_INVENTORY_BYTES, maxValues: MAX_VALUES, reading: 'lenient' });
  } catch (error) {
    throw malformed(jsonFaultOf(error));
  }
  const parsed = Inventory.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  if (!serializeInventory(parsed.data).equals(bytes)) throw malformed('is not in canonical form');
  checkInventory(parsed.data);
  return parsed.data;
}

/**
 * The rules that a schema cannot say, of section 4.3 of docs/format.md: of the members ({@link checkMembers}) and of the
 * graph ({@link checkGraph}). What passes can be laid out.
 * @throws IntegrityError `MALFORMED`
 */
export function checkInventory(inventory: Inventory): void {
  checkMembers(inventory);
  checkGraph(inventory);
}
