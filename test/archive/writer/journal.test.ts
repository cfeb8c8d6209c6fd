/** What a journal remembers, and what it makes of one that was torn or is not one. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { Journal, readJournal } from '../../../src/archive/writer/journal.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const inventory = sha256('inventory');
const [one, two] = [sha256('one'), sha256('two')];
let path: string;

beforeEach(() => {
  path = temp.join('a.journal');
});

test('the last claim of a digest counts, over several runs', async () => {
  const first = Journal.create(path, inventory);
  first.record(one, 10);
  first.record(two, 5);
  first.record(one, 20);
  first.close();
  const second = Journal.append(path);
  second.record(two, 0);
  second.close();
  expect(await readJournal(path)).toEqual({ inventory, held: new Map([[one, 20], [two, 0]]) }); // prettier-ignore
});

test('a new journal drops the old one', async () => {
  Journal.create(path, sha256('other')).close();
  await appendFile(path, `${one} 10\n`);
  Journal.create(path, inventory).close();
  expect(await readJournal(path)).toEqual({ inventory, held: new Map() });
});

describe('a torn last line', () => {
  test.each(['sha256:', `${two}`, `${two} 1`, `${two} 12`])(
    '%j is no claim, and spoils none that follows',
    async (torn) => {
      const first = Journal.create(path, inventory);
      first.record(one, 10);
      first.close();
      await appendFile(path, torn);
      expect((await readJournal(path))?.held).toEqual(new Map([[one, 10]]));
      const second = Journal.append(path);
      second.record(one, 30);
      second.close();
      expect((await readJournal(path))?.held.get(one)).toBe(30);
    },
  );

  test('at every length leaves a prefix of the claims', async () => {
    const journal = Journal.create(path, inventory);
    journal.record(one, 10);
    journal.record(two, 123);
    journal.close();
    const whole = await readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const claims = await readJournal(path);
      expect([undefined, 10]).toContain(claims?.held.get(one));
      expect(claims?.held.get(two)).toBeUndefined();
    }
  });
});

test.each(['', '\n', 'inventory\n', 'inventory sha256:abc\n', `${one} 10\n`, '\0\0\0\0\n'])(
  '%j is no journal',
  async (text) => {
    await writeFile(path, text);
    expect(await readJournal(path)).toBeUndefined();
  },
);

test.each(['-1', '1e3', '0x10', '1.5', '9'.repeat(16), '', ' 5'])('a claim of %j bytes is none', async (bytes) => {
  await writeFile(path, `inventory ${inventory}\n${one} ${bytes}\n`);
  expect((await readJournal(path))?.held).toEqual(new Map());
});

test('no file is no journal', async () => {
  expect(await readJournal(path)).toBeUndefined();
});
