/** A site's audit log on disk: what is appended, what is refused, and that it survives crashes, company and full disks. */
import {
  appendFile,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { appendEntry } from '../../../src/site/audit/log.ts';
import { verifyAuditLog, type VerifiedLog } from '../../../src/site/audit/verification.ts';
import { GENESIS } from '../../../src/site/audit/audit-chain.ts';
import { childScript } from '../../helpers/child-script.ts';
import { tries } from '../../helpers/effort.ts';
import { startProcess } from '../../helpers/process.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { run, runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { mountTmpfs } from '../../helpers/tmpfs.ts';
import { makeFacts } from './audit-entries.ts';
import { failure } from '../../trust/failures.ts';

const temp = useTempDir();
const CHILD = await childScript(new URL('audit-child.ts', import.meta.url));
const log = (): string => temp.join('audit.jsonl');

async function appendAll(count: number): Promise<void> {
  for (let minute = 0; minute < count; minute++) await appendEntry(log(), makeFacts(minute));
}

test('entries are lines, each tied to the one before, that plain tools can follow', async () => {
  await appendAll(3);
  const lines = (await readFile(log(), 'utf8')).split('\n');
  expect(lines.pop()).toBe('');
  const entries = lines.map((line) => JSON.parse(line) as { sequence: number; previous: string; at: string });
  expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(entries.map(({ previous }) => previous)).toEqual([
    GENESIS.hash,
    ...lines.slice(0, 2).map((line) => sha256(`${line}\n`)),
  ]);
  const { stdout } = await runOk('sha256sum', [], { input: `${lines[2] ?? ''}\n` });
  const { head } = await verifyAuditLog(log());
  expect(`sha256:${stdout.slice(0, 64)}`).toBe(head.hash);
  expect(await readdir(temp.path)).toEqual(['audit.jsonl']);
});

test('an entry longer than what is read of the end at first has a successor too', async () => {
  const image = {
    reference: `docker.io/${'a'.repeat(200)}:1`,
    place: 'x',
    digest: sha256('x'),
    result: 'loaded',
  } as const;
  await appendEntry(log(), makeFacts(0));
  await appendEntry(log(), makeFacts(1, { images: Array.from({ length: 2_000 }, () => image) }));
  await appendEntry(log(), makeFacts(2));
  expect((await stat(log())).size).toBeGreaterThan(600_000);
  expect(await verifyAuditLog(log())).toMatchObject({ entries: 3 });
});

describe('the log is not written', () => {
  test('through a link, which is left alone', async () => {
    await writeFile(temp.join('victim'), '');
    await symlink(temp.join('victim'), log());
    await expect(appendEntry(log(), makeFacts(0))).rejects.toThrow(failure('StoreError', 'STORE_IO', 'it is a link'));
    expect(await readFile(temp.join('victim'), 'utf8')).toBe('');
  });

  test('where there is something else than a file', async () => {
    await runOk('mkfifo', [log()]);
    await expect(appendEntry(log(), makeFacts(0))).rejects.toThrow(
      failure('StoreError', 'STORE_IO', 'is a named pipe'),
    );
  });

  test('where there is no directory', async () => {
    const path = temp.join('none', 'audit.jsonl');
    await expect(appendEntry(path, makeFacts(0))).rejects.toThrow(
      failure('StoreError', 'STORE_IO', `the audit log ${path} cannot be written`),
    );
  });

  test.each([
    ['that is JSON and no entry', '{"logVersion":9}\n'],
    ['in another spelling', '{ "logVersion": 1 }\n'],
    ['that is JSON and has no end', '7'],
  ])('behind a last line %s: somebody else wrote that', async (_, text) => {
    await appendAll(1);
    await appendFile(log(), text);
    const before = await readFile(log());
    await expect(appendEntry(log(), makeFacts(1))).rejects.toThrow(
      failure('StoreError', 'STORE_IO', 'ends with a line that', 'move it away: the next load begins a new log'),
    );
    expect(await readFile(log())).toEqual(before);
    await rename(log(), temp.join('kept.jsonl'));
    await appendEntry(log(), makeFacts(1));
  });

  test('before another one has written, who is waited for', async () => {
    await Promise.all([1, 2, 3].map(() => runOk(process.execPath, [CHILD, log(), '15'])));
    expect(await verifyAuditLog(log())).toMatchObject({ entries: 45, recovered: 0 });
    expect(await readdir(temp.path)).toEqual(['audit.jsonl']);
  });
});

describe('after a power failure', () => {
  /** The log as it is with three entries, and where the last of them begins. */
  async function makeThree(): Promise<{ readonly whole: Buffer; readonly last: number }> {
    await appendAll(3);
    const whole = await readFile(log());
    return { whole, last: whole.lastIndexOf('\n', whole.length - 2) + 1 };
  }

  test('a line torn at any byte is reported, and on record with the next entry; not one byte is lost', async () => {
    const { whole, last } = await makeThree();
    for (let cut = last + 1; cut < whole.length - 1; cut += 13) {
      await writeFile(log(), whole.subarray(0, cut));
      await expect(verifyAuditLog(log())).rejects.toMatchObject({ details: { fault: 'torn', line: 3 } });
      const { recovered } = await appendEntry(log(), makeFacts(4));
      const torn = Buffer.concat([whole.subarray(last, cut), Buffer.from('\n')]);
      expect(recovered).toEqual({ bytes: torn.length, digest: sha256(torn) });
      const now = await readFile(log());
      expect(now.subarray(0, cut)).toEqual(whole.subarray(0, cut));
      expect(await verifyAuditLog(log())).toMatchObject({ entries: 4, recovered: 1 });
    }
  });

  test('an entry of which only the line feed is missing counts, and is ended by the next', async () => {
    const { whole } = await makeThree();
    await truncate(log(), whole.length - 1);
    expect(await verifyAuditLog(log())).toMatchObject({ entries: 3 });
    expect((await appendEntry(log(), makeFacts(4))).recovered).toBeUndefined();
    expect(await verifyAuditLog(log())).toMatchObject({ entries: 4, recovered: 0 });
    expect((await readFile(log())).subarray(0, whole.length)).toEqual(whole);
  });

  test.each([
    ['blocks that never arrived', (line: Buffer) => Buffer.alloc(line.length)],
    ['a block in the middle that never arrived', (line: Buffer) => Buffer.concat([line.subarray(0, 90), Buffer.alloc(60), line.subarray(150)])],
    ['a record of an earlier crash that was torn itself', (line: Buffer) => Buffer.concat([line.subarray(0, 40), Buffer.from('\n{"logVer')])],
  ])('%s', async (_, tear) => {
    const { whole, last } = await makeThree();
    const torn = Buffer.concat([whole.subarray(0, last), tear(whole.subarray(last))]);
    await writeFile(log(), torn);
    await expect(verifyAuditLog(log())).rejects.toMatchObject({ details: { fault: 'torn', line: 3 } });
    await appendEntry(log(), makeFacts(4));
    expect(await verifyAuditLog(log())).toMatchObject({ entries: 4, recovered: 1 });
    expect((await readFile(log())).subarray(0, torn.length)).toEqual(torn);
  }); // prettier-ignore

  test('a first line that was torn', async () => {
    await writeFile(log(), '{"logVersion":1,"seq');
    expect((await appendEntry(log(), makeFacts(0))).recovered).toMatchObject({ bytes: 21 });
    expect(await verifyAuditLog(log())).toMatchObject({ entries: 2, recovered: 1 });
  });

  test.each([
    ['a text', Buffer.from('notes of a meeting\n')],
    ['four bytes', Buffer.from([1, 2, 3, 4])],
    ['one line feed', Buffer.from('\n')],
    ['the beginning of a tar file', Buffer.concat([Buffer.from('release.json'), Buffer.alloc(500)])],
    ['the middle of a log', Buffer.from('{"logVersion":1,"sequence":7,"prev')],
  ])('a file that never was a log is refused as it is: %s', async (_, bytes) => {
    await writeFile(log(), bytes);
    await expect(appendEntry(log(), makeFacts(0))).rejects.toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining('does not begin as one does') as string,
      hint: expect.stringContaining('another file') as string,
    });
    expect(await readFile(log())).toEqual(bytes);
  });

  test('a first block that never reached the disk is taken for what it is', async () => {
    await writeFile(log(), Buffer.alloc(4096));
    expect((await appendEntry(log(), makeFacts(0))).recovered).toMatchObject({ bytes: 4097 });
    expect(await verifyAuditLog(log())).toMatchObject({ entries: 2, recovered: 1 });
  });

  test('what was torn is not changed afterwards without being noticed', async () => {
    const { whole } = await makeThree();
    await truncate(log(), whole.length - 60);
    await appendEntry(log(), makeFacts(4));
    const text = await readFile(log(), 'latin1');
    await writeFile(log(), text.replace('release-2.tar', 'release-9.tar'), 'latin1');
    await expect(verifyAuditLog(log())).rejects.toMatchObject({ details: { fault: 'altered', line: 3 } });
  });
});

test('killed at any moment, it has every entry that was reported, and goes on', async () => {
  let reported = 0;
  for (let round = 0; round < tries(6); round++) {
    await using child = await startProcess(process.execPath, [CHILD, log(), '100000']);
    await child.waitUntil('the first entry', () => child.stdout.includes('\n'));
    expect(await child.killAfter((round * 7) % 40)).toBe(true);
    reported = Number(child.stdout.split('\n').slice(0, -1).at(-1) ?? reported);
    const { sequence } = (await appendEntry(log(), makeFacts(round))).head;
    // The lock of the dead process is taken over. One entry may have reached the disk without having been reported.
    expect([reported + 1, reported + 2]).toContain(sequence);
    const proved = await verifyAuditLog(log());
    expect(proved).toMatchObject({ entries: sequence, recovered: 0 });
  }
});

describe('killed in the middle of an append', () => {
  const strace = requireTool('strace');
  test.skipIf(strace === undefined).each([
    ['before the write', 'write,pwrite64:signal=KILL', 3],
    ['before it is on disk', 'fsync:signal=KILL', 4],
  ])('%s', async (_, inject, entries) => {
    await appendAll(3);
    const trace = ['-f', '-qq', '-o', temp.join('trace'), '-P', log(), '-e', `inject=${inject}`];
    const { stdout } = await run(strace ?? '', [...trace, process.execPath, CHILD, log(), '1']);
    expect(stdout).toBe('');
    expect(await readFile(temp.join('trace'), 'utf8')).toContain('KILL');
    expect(await verifyAuditLog(log())).toMatchObject({ entries });
    await appendEntry(log(), makeFacts(9));
    expect(await verifyAuditLog(log())).toMatchObject({ entries: entries + 1 });
  });

  test.skipIf(strace === undefined)('an entry is one write, and then on disk', async () => {
    await appendAll(1);
    const trace = ['-f', '-qq', '-o', temp.join('trace'), '-P', log(), '-e', 'trace=write,pwrite64,writev,fsync'];
    await runOk(strace ?? '', [...trace, process.execPath, CHILD, log(), '1']);
    const calls = (await readFile(temp.join('trace'), 'utf8')).trim().split('\n').map((line) => /\d+ +(\w+)/.exec(line)?.[1]); // prettier-ignore
    expect(calls).toEqual(['write', 'fsync']);
  });
});

test('a full disk is said to be full, whatever it took of the entry, and with room it goes on', async () => {
  await using disk = await mountTmpfs({ maxBytes: 64 * 1024 });
  const path = `${disk.path}/audit.jsonl`;
  let written = 0;
  const fill = async (): Promise<void> => {
    for (; ; written++) await appendEntry(path, makeFacts(written));
  };
  await expect(fill()).rejects.toThrow(
    failure('StoreError', 'NO_SPACE', `the audit log ${path} cannot be written`, 'make room on that disk'),
  );
  expect(written).toBeGreaterThan(10);
  await expect(appendEntry(path, makeFacts(0))).rejects.toThrow(failure('StoreError', 'NO_SPACE'));
  await disk.resize(256 * 1024);
  await appendEntry(path, makeFacts(0));
  const { entries, recovered } = await verifyAuditLog(path);
  expect(entries - recovered).toBe(written + 1);
});

describe('a proof', () => {
  const prove = (head?: `sha256:${string}`): Promise<VerifiedLog> => verifyAuditLog(log(), { head });

  test('of a log that is not there', async () => {
    await expect(prove()).rejects.toThrow(failure('NotFoundError', 'NOT_FOUND', 'no such file'));
    await mkdir(log());
    await expect(prove()).rejects.toThrow(failure('UsageError', 'USAGE', 'is a directory'));
  });

  test('finds that the end was cut off, by what was noted', async () => {
    await appendAll(4);
    const { head } = await prove();
    await copyFile(log(), temp.join('whole'));
    const whole = await readFile(log());
    await truncate(log(), whole.lastIndexOf('\n', whole.length - 2) + 1);
    expect(await prove()).toMatchObject({ entries: 3 });
    await expect(prove(head.hash)).rejects.toThrow(
      failure('IntegrityError', 'DIGEST_MISMATCH', head.hash, 'its end was cut off'),
    );
    await writeFile(log(), whole);
    await appendEntry(log(), makeFacts(5));
    expect(await prove(head.hash)).toMatchObject({ entries: 5, expectedAt: 4 });
  });

  test('takes memory that does not grow with the log', async () => {
    // A log of 40 MiB, within a heap that could not hold a tenth of it.
    await appendEntry(log(), makeFacts(0, { archive: { path: 'x'.repeat(4_000) } }));
    const script = `
      import { open } from 'node:fs/promises';
      import { GENESIS, linkEntry } from '${new URL('../../../src/site/audit/audit-chain.ts', import.meta.url).href}';
      import { verifyAuditLog } from '${new URL('../../../src/site/audit/verification.ts', import.meta.url).href}';
      import { makeFacts } from '${new URL('./audit-entries.ts', import.meta.url).href}';
      const [path] = process.argv.slice(1);
      const file = await open(path, 'w');
      let head = GENESIS;
      for (let block = 0; block < 40; block++) {
        const lines = [];
        for (let at = 0; at < 256; at++) {
          const linked = linkEntry(head, makeFacts(at, { archive: { path: 'x'.repeat(4_000) } }));
          lines.push(linked.line);
          head = linked.head;
        }
        await file.writeFile(Buffer.concat(lines));
      }
      await file.close();
      const before = process.memoryUsage().rss;
      const { entries } = await verifyAuditLog(path);
      console.log(JSON.stringify({ entries, grown: process.memoryUsage().rss - before }));
    `;
    const args = ['--max-old-space-size=24', '--input-type=module', '-e', script, log()];
    const { stdout } = await runOk(process.execPath, args);
    const { entries, grown } = JSON.parse(stdout) as { entries: number; grown: number };
    expect(entries).toBe(40 * 256);
    expect(grown).toBeLessThan(32 * 1024 * 1024);
  });
});
