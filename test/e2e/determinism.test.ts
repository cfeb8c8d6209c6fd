/** One lock, one archive: whoever builds it, wherever, however often, only the signature slots may differ. */
import { cp, mkdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { layoutArchive } from '../../src/archive/layout/archive-layout.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgapOk } from './support/program.ts';
import { buildArchive, makeKeys, readInventory, replaceIn } from './support/release.ts';

const fixture = useBuiltRelease();

/** The bytes of an archive with its slots emptied, and the slots. */
async function divide(path: string): Promise<{ readonly rest: Buffer; readonly slots: readonly Buffer[] }> {
  const rest = await readFile(path);
  const layout = layoutArchive(await readInventory(path));
  expect(rest.length).toBe(layout.size);
  const slots = layout.segments.flatMap((segment) =>
    segment.kind === 'slot' ? [rest.subarray(segment.offset, segment.offset + segment.length)] : [],
  );
  const kept = slots.map((slot) => Buffer.from(slot));
  for (const slot of slots) slot.fill(0);
  return { rest, slots: kept };
}

test('two builds from one lock, elsewhere and with another concurrency, differ in the slot alone', async () => {
  const [one, other] = [fixture.folder(), fixture.folder()];
  await mkdir(one);
  await mkdir(`${other}/deep/below`, { recursive: true });
  await buildArchive(fixture.release.lock, fixture.key, one, ['--concurrency', '1']);
  await buildArchive(fixture.release.lock, fixture.key, `${other}/deep/below/another-name.tar`, [
    '--concurrency',
    '16',
  ]);
  const first = await divide(`${one}/sample-offline-1.2.3.tar`);
  const second = await divide(`${other}/deep/below/another-name.tar`);
  const third = await divide(fixture.archive);
  expect(first.rest.equals(second.rest)).toBe(true);
  expect(first.rest.equals(third.rest)).toBe(true);
  // ECDSA signatures are random; the unused slots are blank.
  expect(first.slots.map((slot, index) => slot.equals(second.slots[index] ?? Buffer.alloc(0)))).toEqual([
    false,
    true,
    true,
    true,
    // The provenance.
    false,
  ]);
});

test('a release resolved in another directory gives the same lock and archive', async () => {
  const elsewhere = fixture.folder();
  await cp(fixture.release.directory, elsewhere, {
    recursive: true,
    filter: (path) => !path.endsWith('.lock.json'),
  });
  await airgapOk(['resolve', `${elsewhere}/release.yaml`]);
  expect(await readFile(`${elsewhere}/release.lock.json`, 'utf8')).toBe(await readFile(fixture.release.lock, 'utf8'));
  await buildArchive(`${elsewhere}/release.yaml`, fixture.key, `${elsewhere}/archive.tar`, ['--locked']);
  expect((await divide(`${elsewhere}/archive.tar`)).rest.equals((await divide(fixture.archive)).rest)).toBe(true);
});

test('another key changes nothing but slots, and a second key fills the second one', async () => {
  const prefix = fixture.folder();
  const { key, pub } = await makeKeys(prefix, 'ed25519');
  const output = `${prefix}.tar`;
  await buildArchive(fixture.release.lock, key, output, ['--key', fixture.key]);
  const mine = await divide(output);
  const theirs = await divide(fixture.archive);
  expect(mine.rest.equals(theirs.rest)).toBe(true);
  expect(mine.slots.map((slot) => slot.toString().trim() !== '')).toEqual([true, true, false, false, true]);
  await airgapOk(['verify', output, '--key', pub, '--key', fixture.pub, '--threshold', '2']);
});

test('with Ed25519, which has no randomness, all bytes are the same', async () => {
  const prefix = fixture.folder();
  const { key } = await makeKeys(prefix, 'ed25519');
  await buildArchive(fixture.release.lock, key, `${prefix}-1.tar`);
  await buildArchive(fixture.release.lock, key, `${prefix}-2.tar`);
  expect((await readFile(`${prefix}-1.tar`)).equals(await readFile(`${prefix}-2.tar`))).toBe(true);
});

test('without a time of its own, a release keeps the one of its first resolution', async () => {
  const elsewhere = fixture.folder();
  await cp(fixture.release.directory, elsewhere, { recursive: true, filter: (path) => !path.endsWith('.lock.json') });
  await replaceIn(`${elsewhere}/release.yaml`, 'created: 2026-01-31T12:00:00Z\n', '');
  await airgapOk(['resolve', `${elsewhere}/release.yaml`]);
  const first = await readFile(`${elsewhere}/release.lock.json`, 'utf8');
  expect((JSON.parse(first) as { created: string }).created).not.toBe('2026-01-31T12:00:00Z');
  await setTimeout(1100);
  await airgapOk(['resolve', `${elsewhere}/release.yaml`]);
  expect(await readFile(`${elsewhere}/release.lock.json`, 'utf8')).toBe(first);
});
