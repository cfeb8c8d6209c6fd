/** Reports are opened before anything moves, so that a place that takes none is learnt of while nothing was done. */
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openReports } from '../../../src/report/loads/report-files.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const MAPPING = { original: 'a.example/app:1', internal: { registry: 'b.example', repository: 'app', tag: '1' } };

test('what was there stays until there is something to say, and is replaced then', async () => {
  const directory = temp.join('reports');
  await mkdir(directory);
  await writeFile(`${directory}/load-report.json`, 'old');
  {
    await using reports = await openReports(directory, 'load');
    expect(await readFile(`${directory}/load-report.json`, 'utf8')).toBe('old');
    await reports.write({ kind: 'load' }, [MAPPING]);
  }
  expect((await readdir(directory)).sort()).toEqual(['load-report.json', 'mapping.txt']);
  expect(JSON.parse(await readFile(`${directory}/load-report.json`, 'utf8'))).toMatchObject({ kind: 'load' });
});

test('work that fails leaves neither reports nor the directory that was made for them', async () => {
  const directory = temp.join('reports');
  {
    await using _reports = await openReports(directory, 'mirror');
    expect(existsSync(directory)).toBe(true);
  }
  expect(existsSync(directory)).toBe(false);
});

test('a directory that was there stays, empty or not', async () => {
  const directory = temp.join('reports');
  await mkdir(directory);
  {
    await using _reports = await openReports(directory, 'load');
  }
  expect(await readdir(directory)).toEqual([]);
});

describe('nothing is done where no report could be written', () => {
  test.each<[string, (directory: string) => Promise<void>]>([
    ['a file where the directory should be', (directory) => writeFile(directory, '')],
    ['a directory in the place of a report', (directory) => mkdir(`${directory}/load-report.json`, { recursive: true }).then(() => undefined)],
    ['a link in its place', async (directory) => {
      await mkdir(directory);
      await symlink(temp.join('victim'), `${directory}/load-report.json`);
    }],
    ['a link in the place of the mapping', async (directory) => {
      await mkdir(directory);
      await symlink(temp.join('victim'), `${directory}/mapping.txt`);
    }],
  ])('%s', async (_, prepare) => {
    await prepare(temp.join('reports'));
    await expect(openReports(temp.join('reports'), 'load')).rejects.toMatchObject({
      code: 'STORE_IO',
      message: expect.stringMatching(/^nothing was done: cannot write .*reports/) as string,
    });
    expect(existsSync(temp.join('victim'))).toBe(false);
  }); // prettier-ignore
});

test('where it fails after all, the message says that the work is complete', async () => {
  const directory = temp.join('reports');
  await using reports = await openReports(directory, 'load');
  await rm(directory, { recursive: true });
  await expect(reports.write({}, [])).rejects.toMatchObject({
    message: expect.stringMatching(/^the load is complete, and its report is not there/) as string,
  });
});
