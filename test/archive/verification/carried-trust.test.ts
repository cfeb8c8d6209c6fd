/** The trust documents in an archive are read before anything is trusted, so that all of them together have a limit. */
import { expect, test } from 'vitest';
import { carriedTrustFiles, readCarriedTrust } from '../../../src/archive/verification/carried-trust.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import type { Source } from '../../../src/content/store.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { rejectionOf } from '../failures.ts';

const MIB = 1024 * 1024;
const inventoryWith = (sizes: Readonly<Record<string, number>>): Inventory =>
  ({ files: Object.entries(sizes).map(([path, size]) => ({ path, digest: sha256(path), size })) }) as unknown as Inventory; // prettier-ignore

test('64 MiB of trust documents are read, whatever else the archive carries', () => {
  const inventory = inventoryWith({
    'docs/large.md': 500 * MIB,
    'trust/1.trust.json': 32 * MIB,
    'trust/2.trust.json': 32 * MIB,
    'trust/notes.txt': MIB,
  });
  expect(carriedTrustFiles(inventory).map(({ path }) => path)).toEqual(['trust/1.trust.json', 'trust/2.trust.json']);
});

test('one byte more is refused, and nothing of it is read', async () => {
  const inventory = inventoryWith({ 'trust/1.trust.json': 64 * MIB, 'trust/2.trust.json': 1 });
  let asked = 0;
  const source: Source = Object.assign(new MemoryStore('archive'), {
    fetch: () => {
      asked += 1;
      return Promise.reject(new Error('it was read'));
    },
  });
  const error = await rejectionOf(() => readCarriedTrust(source, inventory));
  expect(error).toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
  expect(String(error)).toContain(`more than ${64 * MIB} bytes of trust documents`);
  expect(asked).toBe(0);
});
