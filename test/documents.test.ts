/** The pages tell the truth where a program can check it: links, commands, dependencies, error codes, and the README's length. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { AIRGAP } from '../src/cli/airgap.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** A stranger decides in a minute. */
const MAX_README_WORDS = 900;

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`),
];

function readPage(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

/** The text without what stands between fences, where a # is a comment of a shell. */
function withoutCode(text: string): string {
  return text.replace(/^```[^]*?^```$/gm, '');
}

/** The name GitHub gives a heading: lower case, only letters, digits, - and _, with dashes for spaces. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** Anchors of a page; a heading that comes again gets a number. */
function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  return new Set(
    [...withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
      const anchor = anchorOf(heading);
      const count = seen.get(anchor) ?? 0;
      seen.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    }),
  );
}

/** Links of a page into this repository that lead nowhere. */
function brokenLinks(path: string, text: string): readonly string[] {
  return [
    ...withoutCode(text)
      .replace(/`[^`\n]+`/g, '`')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : relative(repository, join(repository, dirname(path), file));
      if (file !== '' && !existsSync(join(repository, target))) return true;
      return anchor !== undefined && !anchorsOf(target === path ? text : readPage(target)).has(anchor);
    });
}

/** The first cells of all tables of a page, in backquotes. */
function namedInTables(text: string): readonly string[] {
  return [...text.matchAll(/^\| (`[^|]+?) +\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
}

test('the README can be read in a minute', () => {
  expect(
    readPage('README.md')
      .split(/\s+/)
      .filter((word) => word !== '').length,
  ).toBeLessThanOrEqual(MAX_README_WORDS);
});

test.each(PAGES)('every link of %s leads somewhere', (path) => {
  expect(brokenLinks(path, readPage(path))).toEqual([]);
});

test('docs/commands.md lists every command, in the words of its help', () => {
  const rows = [...readPage('docs/commands.md').matchAll(/^\| `airgap ([^`]+)` +\| (.+?) +\|$/gm)];
  const listed = rows.map(([, name = '', summary = '']) => [name, summary]).sort();
  expect(listed).toEqual(AIRGAP.commands.map(({ name, summary }) => [name, summary]).sort());
});

test('every path that docs/architecture.md names is there', () => {
  const named = [
    ...readPage('docs/architecture.md').matchAll(/`([a-z][\w-]*(?:\/[\w.-]+)*\/(?:[\w-]+(?:\.\w+)*\.ts)?)`/g),
  ];
  const paths = named.map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(40);
  const rooms = ['', 'src', ...readdirSync(join(repository, 'src')).map((room) => `src/${room}`)];
  expect(paths.filter((path) => !rooms.some((room) => existsSync(join(repository, room, path))))).toEqual([]);
});

test('docs/dependencies.md has a reason for every dependency, and for nothing else', () => {
  const { dependencies, optionalDependencies } = packageJson;
  const listed = namedInTables(readPage('docs/dependencies.md'));
  expect([...listed].sort()).toEqual(Object.keys({ ...dependencies, ...optionalDependencies }).sort());
});

test('docs/exit-codes.md has every error code', () => {
  const unions = readPage('src/errors.ts').matchAll(/^(?:export )?type \w*Code\w* =([^;]+);/gm);
  const codes = [...unions].flatMap(([, union = '']) =>
    [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code = '']) => code),
  );
  expect(codes.length).toBeGreaterThan(20);
  const listed = new Set(namedInTables(readPage('docs/exit-codes.md')));
  expect(codes.filter((code) => !listed.has(code))).toEqual([]);
});

describe('these checks can fail', () => {
  test('on a page, and a heading, that is not there', () => {
    const text = '# One\n\n[a](#one) [b](#two) [c](README.md) [d](missing.md) [e](https://a.example)\n';
    expect(brokenLinks('page.md', text)).toEqual(['#two', 'missing.md']);
  });

  test('and headings are named as GitHub names them', () => {
    const text = '# A KMS or an HSM\n```\n# no heading\n```\n## Without a key: the `identity`\n## A KMS or an HSM\n';
    expect([...anchorsOf(text)]).toEqual(['a-kms-or-an-hsm', 'without-a-key-the-identity', 'a-kms-or-an-hsm-1']);
  });
});
