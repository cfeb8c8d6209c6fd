/** docs/security.md names a test for every threat. Here every test it names must exist, and every row must name one. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

interface Row {
  readonly threat: string;
  readonly mechanism: string;
  readonly file: string;
  readonly name: string;
}

const rootPath = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Rows of all tables whose last column is `test`. */
function readRows(text: string): readonly Row[] {
  const rows: Row[] = [];
  let isTable = false;
  for (const line of text.split('\n')) {
    const cells = /^\|(.*)\|$/
      .exec(line)?.[1]
      ?.split('|')
      .map((cell) => cell.trim());
    if (cells === undefined) isTable = false;
    else if (cells.at(-1) === 'test') isTable = true;
    else if (isTable && !/^-+$/.test(cells[0] ?? '')) {
      const [, file = '', name = ''] = /^`(test\/[\w./-]+\.test\.ts)` (.+)$/.exec(cells[2] ?? '') ?? [];
      rows.push({ threat: cells[0] ?? '', mechanism: cells[1] ?? '', file, name });
    }
  }
  return rows;
}

/** Whether a test, a group or a case of this name stands in the text: names may go on after the words given. */
function hasTest(text: string, name: string): boolean {
  return ["'", '"', '`', '} '].some((quote) => text.includes(`${quote}${name}`));
}

const rows = readRows(readFileSync(rootPath('docs/security.md'), 'utf8'));

test('there is a row for every class of attack', () => {
  expect(rows.length).toBeGreaterThan(50);
  expect(new Set(rows.map(({ threat }) => threat)).size).toBe(rows.length);
});

/** What is wrong with a row, as a person who repairs it wants to read it. */
function faultsOf({ threat, mechanism, file, name }: Row): readonly string[] {
  if (mechanism === '') return [`${threat}: no mechanism`];
  if (file === '') return [`${threat}: no test`];
  if (!existsSync(rootPath(file))) return [`${threat}: ${file} does not exist`];
  return hasTest(readFileSync(rootPath(file), 'utf8'), name) ? [] : [`${threat}: ${file} has no test "${name}"`];
}

test('every row names its mechanism, and a test that exists', () => {
  expect(rows.flatMap(faultsOf)).toEqual([]);
});

/** Those of the names that no threat holds. */
const withoutRow = (names: readonly string[]): readonly string[] =>
  names.filter((name) => !rows.some(({ threat }) => threat.includes(name)));
const withoutOwnRow = (names: readonly string[]): readonly string[] =>
  names.filter((name) => !rows.some(({ threat }) => threat.startsWith(name)));

test('attacks of the kinds that have happened to others have a row', () => {
  const CVES = [
    ...['2026-29786', '2026-31802', '2025-3445', '2026-40090', '2007-4559', '2014-9358', '2026-35206', '2026-35204'],
    ...['2026-29064', '2024-12905', '2025-48387', '2025-59343', '2026-23745', '2026-26960', '2026-85731', '2025-53547'],
    ...['2025-45582', '2025-4517', '2025-4330', '2025-4138', '2021-29136', '2026-24842', '2026-50163', '2025-47290'],
    ...['2018-15664', '2026-33056', '2021-32760', '2026-23950', '2021-37701', '2021-37712', '2014-8178', '2025-62518'],
    ...['2026-33055', '2026-53655', '2026-59875', '2026-59871', '2026-59873', '2025-32386', '2017-14992', '2022-2879'],
    ...['2026-59874', '2024-28863', '2025-58183', '2026-32288', '2025-64118', '2014-8179', '2017-12635', '2024-3727'],
    ...['2021-41190', '2020-15157', '2026-39395', '2026-22703', '2022-36056', '2026-35205', '2026-24686', '2022-29173'],
  ];
  const GHSAS = ['fp55-jw48-c537', '3cv2-h65g-fgmm', 'f5x3-32g6-xq36', '77vh-xpmg-72qh', 'vp62-88p7-qqf5'];
  expect(withoutRow(CVES.map((number) => `CVE-${number}`))).toEqual([]);
  expect(withoutRow([...GHSAS, 'fphv-w9fq-2525'].map((id) => `GHSA-${id}`))).toEqual([]);
});

/** @see https://theupdateframework.github.io/specification/latest/#goals-to-protect-against-specific-attacks */
test('every attack of TUF’s list has a row', () => {
  const attacks = [
    ...['Arbitrary software installation', 'Endless data', 'Extraneous dependencies', 'Fast-forward'],
    ...['Indefinite freeze', 'Malicious mirrors', 'Mix-and-match', 'Rollback', 'Slow retrieval'],
    ...['Vulnerability to key compromise', 'Wrong software installation'],
  ];
  expect(withoutOwnRow(attacks)).toEqual([]);
});

test('every promise has a row', () => {
  const promises = [
    ...['Nothing unverified becomes visible', 'Digests survive', 'One pass, one copy', 'An interrupted load goes on'],
    ...['Interrupted work ends byte-identical', 'Same lock, same bytes', 'Offline means offline'],
    'Plain tools can check it',
  ];
  expect(withoutOwnRow(promises)).toEqual([]);
});

describe('these checks can fail', () => {
  test('on a row without a test and a test without its file', () => {
    const [row] = readRows('| threat | mechanism | test |\n| - | - | - |\n| a | b | nothing |');
    expect(row).toEqual({ threat: 'a', mechanism: 'b', file: '', name: '' });
    expect(hasTest("test('one', () => {", 'two')).toBe(false);
    expect(hasTest("test('one and more', () => {", 'one')).toBe(true);
  });

  test('on each part of a row that is missing, and on a name that no row has', () => {
    const row: Row = { threat: 'a', mechanism: 'b', file: 'test/security.test.ts', name: 'every promise has a row' };
    expect(faultsOf(row)).toEqual([]);
    expect(faultsOf({ ...row, mechanism: '' })).toEqual(['a: no mechanism']);
    expect(faultsOf({ ...row, file: '' })).toEqual(['a: no test']);
    expect(faultsOf({ ...row, file: 'test/absent.test.ts' })).toEqual(['a: test/absent.test.ts does not exist']);
    expect(faultsOf({ ...row, name: ['no', 'such'].join(' ') })).toHaveLength(1);
    expect(withoutRow(['CVE-0000-0000'])).toEqual(['CVE-0000-0000']);
    expect(withoutOwnRow(['An attack unheard of'])).toEqual(['An attack unheard of']);
  });
});
