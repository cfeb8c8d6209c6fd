/** Files of names that repositories get at a target. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parseNameMap, readNameMap } from '../../../src/release/mapping/name-map.ts';
import { openImageTarget } from '../../../src/release/mapping/open-target.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();

describe('a map of names', () => {
  test('has one name a line, comments, and originals in any form that references have', async () => {
    const text = '# names\n\nquay.io/team/app = tools/app\r\n  nginx=web\nregistry.example:5000/x=a/b/c\n';
    const expected = new Map([
      ['quay.io/team/app', 'tools/app'],
      ['docker.io/library/nginx', 'web'],
      ['registry.example:5000/x', 'a/b/c'],
    ]);
    expect(parseNameMap(text, 'names.txt')).toEqual(expected);
    await writeFile(temp.join('names.txt'), text);
    expect(await readNameMap(temp.join('names.txt'))).toEqual(expected);
  });

  test.each([
    ['quay.io/app', 'names.txt:2: not a name: quay.io/app'],
    ['quay.io/app=', 'names.txt:2: not a name'],
    ['=x', 'names.txt:2: not a name'],
    ['quay.io/app:1=x', 'names.txt:2: not a name'],
    ['quay.io/app=x:1', 'names.txt:2: not a name'],
    ['quay.io/app=/x', 'names.txt:2: not a name'],
    ['quay.io/app=../x', 'names.txt:2: not a name'],
    ['quay.io/app=Upper', 'names.txt:2: not a name'],
    ['quay.io/app=a=b', 'names.txt:2: not a name'],
    ['quay.io/a=x\nquay.io/a=y', 'names.txt:3: quay.io/a has a name already'],
  ])('refuses %j', (line, message) => {
    expect(() => parseNameMap(`#\n${line}`, 'names.txt')).toThrow(
      expect.objectContaining({ code: 'INVALID_SPEC', message: expect.stringContaining(message) as string }) as Error,
    );
  });
});

describe('a registry that takes short paths', () => {
  const open = async (to: string, options: object): Promise<readonly string[]> => {
    const [host = '', ...path] = to.split('/');
    await using opened = await openImageTarget(
      { kind: 'registry', host, prefix: path.join('/') },
      { env: {}, ...options },
    );
    const [mapping] = opened.target.map([{ reference: 'quay.io/team/app:1', digest: `sha256:${'a'.repeat(64)}` }]);
    return [mapping?.internal.repository ?? '', opened.target.chart?.('web', '1').reference ?? ''];
  };

  test.each([
    [{ maxPathDepth: 3 }, ['g/p/quay.io-team-app', 'r.example/g/p/charts-web:1']],
    [{ maxPathDepth: 4 }, ['g/p/quay.io/team-app', 'r.example/g/p/charts/web:1']],
    [{ maxPathDepth: 5 }, ['g/p/quay.io/team/app', 'r.example/g/p/charts/web:1']],
    [{ flatten: true }, ['g/p/quay.io-team-app', 'r.example/g/p/charts-web:1']],
    [{ flatten: true, stripRegistry: true }, ['g/p/team-app', 'r.example/g/p/charts-web:1']],
  ])('gets images and charts under them: %j', async (options, expected) => {
    expect(await open('r.example/g/p', options)).toEqual(expected);
  });

  test('is told where the prefix leaves no room, or two options contradict each other', async () => {
    await expect(open('r.example/g/p', { maxPathDepth: 2 })).rejects.toThrow(
      '--max-path-depth 2 leaves no room below g/p',
    );
    await expect(open('r.example/g/p', { maxPathDepth: 3, flatten: true })).rejects.toThrow('exclude each other');
    const layout = { kind: 'layout', directory: temp.join('layout') } as const;
    for (const options of [{ maxPathDepth: 3 }, { flatten: true }, { nameMap: 'x' }]) {
      await expect(openImageTarget(layout, options)).rejects.toThrow('an OCI layout keeps the original image names');
    }
  });
});
