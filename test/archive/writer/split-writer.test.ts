/** An archive that is written in parts is the archive: the same bytes, resumed after any interruption, named at the end. */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openArchive } from '../../../src/archive/reader/reader.ts';
import { openArchiveWriter } from '../../../src/archive/writer/writer.ts';
import { allOf } from '../../helpers/all-of.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { rejectionOf } from '../failures.ts';
import { descriptorsOf, fillAndFinish, fillEmpty, makeRelease, writeArchive, type SampleRelease } from '../sample-release.ts'; // prettier-ignore

const PART_BYTES = 20_000;
const temp = useTempDir();
let release: SampleRelease;
beforeAll(async () => {
  release = await makeRelease();
});

const archive = (): string => temp.join('a.tar');
const names = async (): Promise<readonly string[]> => (await readdir(temp.path)).filter((name) => name.startsWith('a.tar')).sort(); // prettier-ignore

async function write(partSize = PART_BYTES): Promise<void> {
  await using writer = await openArchiveWriter(archive(), release.inventory, { partSize });
  await fillAndFinish(writer, release);
}

/** Writes all of the content but the last piece, and stops as a killed process would have to. */
async function writeSome(): Promise<void> {
  await using writer = await openArchiveWriter(archive(), release.inventory, { partSize: PART_BYTES });
  for (const descriptor of descriptorsOf(release.inventory).slice(1)) {
    if (!(await writer.exists(descriptor))) await writer.push(descriptor, release.store.fetch(descriptor));
  }
}

async function assertIsWhole(): Promise<void> {
  const whole = await writeArchive(temp.join('whole.tar'), release);
  const parts = (await names()).filter((name) => /\.[0-9]{3}$/.test(name));
  expect(parts).toHaveLength(Math.ceil(whole.length / PART_BYTES));
  const joined = Buffer.concat(await Promise.all(parts.map((name) => readFile(temp.join(name)))));
  expect(joined.equals(whole)).toBe(true);
  expect(await names()).toEqual([...parts, 'a.tar.parts.json']);
  using opened = await openArchive(archive());
  expect(opened.source.size).toBe(whole.length);
}

test('it has the bytes of one file, and a list', async () => {
  await write();
  await assertIsWhole();
});

test('nothing has its name before all of it is there, and an interrupted run goes on', async () => {
  await writeSome();
  expect(allOf(await names(), (name) => /^a\.tar\.([0-9]{3}\.partial|journal)$/.test(name))).toBe(true);
  const writer = await openArchiveWriter(archive(), release.inventory, { partSize: PART_BYTES });
  expect(writer.progress.held).toBeGreaterThan(0);
  await fillAndFinish(writer, release);
  await writer[Symbol.asyncDispose]();
  await assertIsWhole();
});

test('a run that was ended while it gave the parts their names goes on', async () => {
  await writeSome();
  // The names are given one after the other, the journal goes last.
  for (const name of (await names()).filter((each) => each.endsWith('.partial')).slice(0, 2)) {
    await rename(temp.join(name), temp.join(basename(name, '.partial')));
  }
  await write();
  await assertIsWhole();
});

test('another size of parts starts anew', async () => {
  await writeSome();
  await using writer = await openArchiveWriter(archive(), release.inventory, { partSize: 2 * PART_BYTES });
  expect(writer.progress.held).toBe(0);
});

test('what is there already is kept unless it is to be replaced', async () => {
  await write();
  expect(await rejectionOf(() => write())).toMatchObject({ code: 'USAGE' });
  {
    await using writer = await openArchiveWriter(archive(), release.inventory, { partSize: PART_BYTES, overwrite: true }); // prettier-ignore
    await fillAndFinish(writer, release);
  }
  await assertIsWhole();
  const fewer = { partSize: 3 * PART_BYTES, overwrite: true };
  expect(await rejectionOf(() => openArchiveWriter(archive(), release.inventory, fewer))).toMatchObject({ hint: expect.stringContaining('another split') as string }); // prettier-ignore
});

test('an archive of the name would be read in the place of the parts', async () => {
  await writeFile(archive(), 'old');
  const error = await rejectionOf(() => openArchiveWriter(archive(), release.inventory, { partSize: PART_BYTES, overwrite: true })); // prettier-ignore
  expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('in the place of parts') as string });
});

test('a content or a slot that lies in two parts is written to both', async () => {
  // Parts of the smallest size cut through everything.
  await using writer = await openArchiveWriter(archive(), release.inventory, { partSize: 4096 });
  await fillAndFinish(writer, release);
  using opened = await openArchive(archive());
  expect(opened.head.slots.map(({ bytes }) => bytes)).toEqual(await fillEmpty(Buffer.alloc(0)));
});
