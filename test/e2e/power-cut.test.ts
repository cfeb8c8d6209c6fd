/** Nothing that the product keeps is ever half there, whenever the power fails, and what it reported is on disk. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openArchive } from '../../src/archive/reader/reader.ts';
import { trustArchive } from '../../src/archive/verification/trusted-archive.ts';
import { verifyPayload } from '../../src/archive/verification/verified-archive.ts';
import { replaceSlot } from '../../src/archive/writer/amend.ts';
import { openArchiveWriter } from '../../src/archive/writer/writer.ts';
import { placeFile } from '../../src/base/files/place-file.ts';
import { writeResultFile } from '../../src/base/files/result-file.ts';
import { extractFiles } from '../../src/operations/extract.ts';
import { loadTars, planDirectory } from '../../src/operations/load/tarballs.ts';
import { withAdmittedRelease, type SiteRequest } from '../../src/site/admitted-release.ts';
import { appendEntry } from '../../src/site/audit/log.ts';
import { verifyAuditLog } from '../../src/site/audit/verification.ts';
import { parseReceipt } from '../../src/site/receipts/receipt.ts';
import { readSiteState } from '../../src/site/site-state.ts';
import { openLayout } from '../../src/stores/layout/oci-layout.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../archive/forge.ts';
import { fillAndFinish, makeRelease, type SampleRelease } from '../archive/sample-release.ts';
import { makeArchive } from '../archive/verification/trusted-archive.ts';
import { allOf } from '../helpers/all-of.ts';
import { cutPower, withoutFlushing, type CutOptions, type DiskState, type PowerCuts } from '../helpers/power-cut.ts';
import { makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { useTempDir } from '../helpers/temp.ts';
import { makeFacts } from '../site/audit/audit-entries.ts';
import { makeDocument, signTrust } from '../trust/documents/trust-documents.ts';

const temp = useTempDir();
const NOW = new Date('2027-06-01T12:00:00Z');
const { privateKey, publicKey } = fixedKeyPair('maker');
let made: Promise<SampleRelease> | undefined;
/** One image and three files, in directories of different depth. */
const release = (): Promise<SampleRelease> =>
  (made ??= makeRelease({
    images: { 'registry.example/team/app:1.0': makeMultiPlatformImage({ name: 'app' }) },
    files: { 'readme.txt': 'read me\n', 'charts/a/b/values.yaml': 'a: 1\n', 'install/run.sh': '#!/bin/sh\n' },
  }));

/** The content of a path in each of these disks, each once; undefined where there is none. */
function contents(disks: readonly DiskState[], path: string): readonly (string | undefined)[] {
  return [...new Set(disks.map((disk) => disk.file(path)?.toString('latin1')))];
}

/** A few of many disks, from the first moment to the last. */
function spread(disks: readonly DiskState[], count = 12): readonly DiskState[] {
  return disks.filter(
    (_, index) => Math.floor((index * count) / disks.length) !== Math.floor(((index - 1) * count) / disks.length),
  );
}

/** That work fails whenever a flush does: a disk that lost what it took is never taken for success. */
async function expectNoFlushIgnored(work: (options: CutOptions) => Promise<PowerCuts<unknown>>): Promise<void> {
  const { flushed } = await work({});
  expect(flushed.length).toBeGreaterThan(0);
  for (let failsAt = 0; failsAt < flushed.length; failsAt++) {
    await expect(work({ failsAt }), `flush ${failsAt}, of ${flushed[failsAt] ?? ''}`).rejects.toThrow('EIO');
  }
}

describe('a file that is placed', () => {
  test('is the old one or the new one, and the new one once that was said', async () => {
    await writeFile(temp.join('a'), 'old');
    const { during, after } = await cutPower(temp.path, () => placeFile(temp.join('a'), 'new content'));
    expect(contents(during, 'a').toSorted()).toEqual(['new content', 'old']);
    expect(contents(after, 'a')).toEqual(['new content']);
  });

  test('in new directories is there with them', async () => {
    const { during, after } = await cutPower(temp.path, () => writeResultFile(temp.join('x/y/report.json'), '{}'));
    expect(contents(during, 'x/y/report.json')).toEqual([undefined, '{}']);
    expect(contents(after, 'x/y/report.json')).toEqual(['{}']);
  });
});

describe('an archive', () => {
  const build = async (folder: string): Promise<void> => {
    const { inventory } = await release();
    await using writer = await openArchiveWriter(`${folder}/a.tar`, inventory);
    await fillAndFinish(writer, await release());
  };

  test('is whole or absent, and there once the build has ended', async () => {
    const { during, after } = await cutPower(temp.path, () => build(temp.path));
    const whole = (await readFile(temp.join('a.tar'))).toString('latin1');
    expect(allOf(contents(during, 'a.tar'), (found) => found === undefined || found === whole)).toBe(true);
    expect(allOf(contents(after, 'a.tar'), (found) => found === whole)).toBe(true);
  });

  test('that was cut off is built to the end by the next run, whatever the disk kept of it', async () => {
    const { during } = await cutPower(temp.path, () => build(temp.path));
    const whole = await readFile(temp.join('a.tar'));
    const cut = during.filter((disk) => disk.file('a.tar') === undefined);
    expect(cut.length).toBeGreaterThan(12);
    for (const [index, disk] of spread(cut).entries()) {
      disk.restore(temp.join(`cut-${index}`));
      await withoutFlushing(() => build(temp.join(`cut-${index}`)));
      expect((await readFile(temp.join(`cut-${index}/a.tar`))).equals(whole), disk.moment).toBe(true);
    }
  });

  test('that gets one more signature has it or is as it was', async () => {
    const { inventory } = await release();
    await writeFile(temp.join('a.tar'), await forgeArchive(inventory, contentsOf(await release())));
    const before = await readFile(temp.join('a.tar'));
    const sign = async (): Promise<void> => {
      using archive = await openArchive(temp.join('a.tar'), { writable: true });
      const slot = Buffer.from(archive.head.slots[0]?.bytes ?? []);
      slot.write('{"a":"signature of a key, which is shorter than a sector"}');
      replaceSlot(archive, 0, slot);
    };
    const { during, after } = await cutPower(temp.path, sign);
    const signed = await readFile(temp.join('a.tar'));
    expect(signed.equals(before)).toBe(false);
    expect(new Set(contents(during, 'a.tar'))).toEqual(
      new Set([before, signed].map((each) => each.toString('latin1'))),
    );
    expect(contents(after, 'a.tar')).toEqual([signed.toString('latin1')]);
  });

  test('is not reported when the disk loses a part of it', async () => {
    let runs = 0;
    await expectNoFlushIgnored(async (options) => {
      const folder = temp.join(`run-${runs++}`);
      await mkdir(folder);
      return await cutPower(folder, () => build(folder), options);
    });
  });
});

describe('what is extracted', () => {
  const extract = async (folder: string): Promise<readonly string[]> => {
    const { inventory } = await release();
    await writeFile(temp.join('a.tar'), await forgeArchive(inventory, contentsOf(await release()), createKeySigner(privateKey)));
    using archive = await trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });
    return await extractFiles(await verifyPayload(archive), `${folder}/out`);
  }; // prettier-ignore
  const whole = ['charts/a/b/values.yaml 5', 'install/run.sh 10', 'readme.txt 8'];
  const filesOf = (disk: DiskState): readonly string[] =>
    disk.filesBelow('out').map((path) => `${path} ${disk.file(`out/${path}`)?.length ?? 0}`);

  test('is all there or not at all', async () => {
    await mkdir(temp.join('disk'));
    const { during, after } = await cutPower(temp.join('disk'), () => extract(temp.join('disk')));
    for (const disk of during.filter(({ paths }) => paths.has('out')))
      expect(filesOf(disk), disk.moment).toEqual(whole);
    for (const disk of after) expect(filesOf(disk)).toEqual(whole);
  });

  test('is not reported when the disk loses a part of it', async () => {
    let runs = 0;
    await expectNoFlushIgnored(async (options) => {
      const folder = temp.join(`run-${runs++}`);
      await mkdir(folder);
      return await cutPower(folder, () => extract(folder), options);
    });
  });
});

describe('tarballs in a directory', () => {
  test('are whole under their names, and there once that was said', async () => {
    const { inventory } = await release();
    await writeFile(temp.join('a.tar'), await forgeArchive(inventory, contentsOf(await release()), createKeySigner(privateKey)));
    using archive = await trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });
    await mkdir(temp.join('disk'));
    const plan = await planDirectory(archive, temp.join('disk/new/images'));
    const { during, after } = await cutPower(temp.join('disk'), () => loadTars(plan));
    const names = plan.tarballs.map(({ destination }) => destination.slice(temp.join('disk/').length));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      const whole = (await readFile(temp.join('disk', name))).toString('latin1');
      expect(allOf(contents(during, name), (found) => found === undefined || found === whole)).toBe(true);
      expect(allOf(contents(after, name), (found) => found === whole)).toBe(true);
    }
  }); // prettier-ignore
});

describe('a layout', () => {
  const fill = async (folder: string): Promise<void> => {
    const { inventory, store } = await release();
    await using layout = await openLayout(`${folder}/layout`, { create: true });
    const all = [...inventory.blobs, ...inventory.manifests].map(({ digest, size }) => ({ mediaType: 'application/octet-stream', digest, size }));
    for (const descriptor of all) await layout.push(descriptor, store.fetch(descriptor));
    for (const { reference } of inventory.images) await layout.tag(await store.resolve(inventory.images[0]?.digest ?? ''), reference);
  }; // prettier-ignore

  /** Everything that a restored layout names, read and hashed. */
  const read = async (folder: string): Promise<number> => {
    const layout = await openLayout(folder);
    const entries = await layout.entries();
    if (entries.length === 0) return 0;
    const { inventory } = await release();
    for (const { digest, size } of [...inventory.blobs, ...inventory.manifests]) {
      expect(await layout.exists({ mediaType: 'application/octet-stream', digest, size })).toBe(true);
    }
    return entries.length;
  };

  test('has every byte of what it names, and the names once they were given', async () => {
    const { during, after } = await cutPower(temp.path, () => fill(temp.path));
    const named = during.filter((disk) => disk.file('layout/index.json')?.includes('team/app') === true);
    expect(named.length).toBeGreaterThan(0);
    for (const [index, disk] of [...spread(named), ...spread(after)].entries()) {
      disk.restore(temp.join(`cut-${index}`));
      expect(await read(temp.join(`cut-${index}`, 'layout')), disk.moment).toBe(1);
    }
  });

  test('that was cut off can be filled by the next run, whatever the disk kept of it', async () => {
    const { during } = await cutPower(temp.path, () => fill(temp.path));
    expect(during.length).toBeGreaterThan(24);
    for (const [index, disk] of spread(during).entries()) {
      disk.restore(temp.join(`cut-${index}`));
      await withoutFlushing(() => fill(temp.join(`cut-${index}`)));
      expect(await read(temp.join(`cut-${index}`, 'layout')), disk.moment).toBe(1);
    }
  });

  test('is not reported when the disk loses a part of it', async () => {
    let runs = 0;
    await expectNoFlushIgnored(async (options) => {
      const folder = temp.join(`run-${runs++}`);
      await mkdir(folder);
      return await cutPower(folder, () => fill(folder), options);
    });
  });
});

describe('a site', () => {
  const V1 = signTrust(makeDocument());
  const load = async (disk: string, sequence: number): Promise<void> => {
    const archive = temp.join(`${sequence}.tar`);
    await makeArchive(archive, { sequence, signers: ['release'], trust: [V1] });
    const terms = { anchor: V1, now: NOW, state: `${disk}/var/site` };
    const receipt = { path: `${disk}/receipt.json` };
    const request: SiteRequest = { action: 'load', archive, target: 'dir:images', terms, receipt };
    const environment = { now: () => NOW, signal: new AbortController().signal, tool: '1.2.3', operator: { host: 'here' } };
    const work = { planned: () => ({ files: [] }), act: async () => undefined, done: () => ({}) };
    await withAdmittedRelease(request, environment, async (admitted) => await admitted.perform(work));
  }; // prettier-ignore
  const sequenceOf = async (disk: string): Promise<number> =>
    (await readSiteState(`${disk}/var/site`)).lines[0]?.last.sequence ?? 0;

  test('remembers a load that was reported: state, audit log and receipt, in directories that were new', async () => {
    await mkdir(temp.join('disk'));
    const { after } = await cutPower(temp.join('disk'), () => load(temp.join('disk'), 1));
    for (const [index, disk] of after.entries()) {
      const place = temp.join(`cut-${index}`);
      disk.restore(place);
      expect(await sequenceOf(place)).toBe(1);
      expect(await verifyAuditLog(`${place}/var/site/audit.jsonl`)).toMatchObject({ entries: 2, recovered: 0 });
      expect(parseReceipt(disk.file('receipt.json') ?? Buffer.alloc(0), 'receipt')).toMatchObject({
        entry: { event: 'completed' },
      });
    }
  });

  test('is in the old state or the new one, and has the beginning on record first', async () => {
    await mkdir(temp.join('disk'));
    await withoutFlushing(() => load(temp.join('disk'), 1));
    const { during } = await cutPower(temp.join('disk'), () => load(temp.join('disk'), 2));
    const seen = new Set<number>();
    for (const [index, disk] of during.entries()) {
      const place = temp.join(`cut-${index}`);
      disk.restore(place);
      const sequence = await sequenceOf(place);
      seen.add(sequence);
      const lines = disk.file('var/site/audit.jsonl')?.toString().split('\n') ?? [];
      if (sequence === 2) expect(lines[2], disk.moment).toContain('"event":"started"');
      if ((lines[3] ?? '').includes('"event":"completed"')) expect(sequence, disk.moment).toBe(2);
      const receipt = disk.file('receipt.json');
      if (receipt !== undefined) expect(parseReceipt(receipt, 'receipt').entry.event).toBe('completed');
    }
    expect(seen).toEqual(new Set([1, 2]));
  });

  test('goes on after a cut, with what was torn on record', async () => {
    await mkdir(temp.join('disk'));
    await withoutFlushing(() => load(temp.join('disk'), 1));
    const { during } = await cutPower(temp.join('disk'), () => load(temp.join('disk'), 2));
    const isTorn = (disk: DiskState): boolean => disk.file('var/site/audit.jsonl')?.at(-1) !== 0x0a;
    const torn = during.filter(isTorn);
    expect(torn.length).toBeGreaterThan(3);
    for (const [index, disk] of [...spread(torn, 4), ...spread(during, 8)].entries()) {
      const place = temp.join(`cut-${index}`);
      disk.restore(place);
      await withoutFlushing(() => load(place, 3));
      expect(await sequenceOf(place)).toBe(3);
      const { recovered } = await verifyAuditLog(`${place}/var/site/audit.jsonl`);
      expect(recovered, disk.moment).toBe(isTorn(disk) ? 1 : 0);
    }
  });

  test('is not reported to remember when the disk loses a part of it', async () => {
    let runs = 0;
    await expectNoFlushIgnored(async (options) => {
      const disk = temp.join(`run-${runs++}`);
      await mkdir(disk);
      return await cutPower(disk, () => load(disk, 1), options);
    });
  });

  test('whose log could not be begun on disk begins it there with the next entry', async () => {
    const log = temp.join('audit.jsonl');
    const append = (options?: CutOptions): Promise<PowerCuts<unknown>> =>
      cutPower(temp.path, () => appendEntry(log, makeFacts(0)), options);
    await expect(append({ failsAt: 1 })).rejects.toThrow('cannot be written');
    expect(allOf((await append()).after, (disk) => disk.file('audit.jsonl') !== undefined)).toBe(true);
  });
});
