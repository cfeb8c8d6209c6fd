/** release.yaml: what is accepted, how it is normalised, and how every mistake is named. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { UsageError, type AirgapError } from '../../../src/errors.ts';
import { loadSpec, parseSpec } from '../../../src/release/spec/spec.ts';
import { formatStarter } from '../../../src/release/spec/starter.ts';
import { useTempDir } from '../../helpers/temp.ts';

const HEAD = `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.2.3
platforms: [linux/amd64, linux/arm64/v8]
`;
const EMPTY_SHA256 = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

function messageOf(text: string): string {
  try {
    parseSpec(text, 'release.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as AirgapError).code).toBe('INVALID_SPEC');
    return (error as AirgapError).message;
  }
  throw new Error('was accepted');
}

function withComponent(body: string): string {
  return `${HEAD}components:\n  - name: app\n${body.replace(/^/gm, '    ')}\n`;
}

describe('a valid document', () => {
  it('is normalised and says where everything was written', () => {
    const spec = parseSpec(
      withComponent(
        `images:
  - nginx
  - reference: registry.example.com/a/b:1@${`sha256:${'a'.repeat(64)}`}
    platforms: [linux/amd64]
  - docker-daemon:built:dev
charts: [./charts/app/]
files:
  - {path: bin/tool.bin, integrity: ${EMPTY_SHA256}}
  - {path: bin/other.bin, integrity: ${EMPTY_SHA256}, as: other}`,
      ).replace('version: 1.2.3', "version: 1.2.3\ncreated: '2026-01-31T13:00:00+01:00'"),
      'release.yaml',
    );
    expect(spec).toMatchObject({
      name: 'demo',
      version: '1.2.3',
      channel: 'stable',
      created: '2026-01-31T12:00:00Z',
      platforms: [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ],
    });
    const [component] = spec.components;
    expect(component?.images).toEqual([
      {
        reference: { registry: 'docker.io', repository: 'library/nginx', tag: 'latest' },
        origin: 'registry',
        at: 'release.yaml:10:9',
      },
      {
        reference: {
          registry: 'registry.example.com',
          repository: 'a/b',
          tag: '1',
          digest: `sha256:${'a'.repeat(64)}`,
        },
        origin: 'registry',
        platforms: [{ os: 'linux', architecture: 'amd64' }],
        at: 'release.yaml:11:9',
      },
      {
        reference: { registry: 'docker.io', repository: 'library/built', tag: 'dev' },
        origin: 'docker-daemon',
        at: 'release.yaml:13:9',
      },
    ]);
    expect(component?.charts).toMatchObject([{ path: 'charts/app', at: 'release.yaml:14:14' }]);
    expect(component?.files.map((file) => file.as)).toEqual(['tool.bin', 'other']);
    expect(component?.manifests).toEqual([]);
  });

  it('may carry all platforms', () => {
    const text = withComponent('images: [nginx:1]').replace('[linux/amd64, linux/arm64/v8]', 'all');
    expect(parseSpec(text, 'r').platforms).toBe('all');
  });

  it('is what the starter writes, as it stands and with every comment taken away', () => {
    const starter = formatStarter({ name: 'x', version: '1.10' });
    expect(parseSpec(starter, 'release.yaml')).toMatchObject({ name: 'x', version: '1.10' });
    const uncommented = starter.replace(
      /^( *)# ((- reference|  platforms|- docker-daemon|created|imageLists|charts|manifests|docs|files|  - path|    integrity|    as)\b.*)$/gm,
      '$1$2',
    );
    const [component] = parseSpec(uncommented, 'release.yaml').components;
    expect(component).toMatchObject({
      imageLists: [{ path: 'images.txt' }],
      charts: [
        { path: 'charts/app' },
        { path: 'vendor/redis-20.1.0.tgz' },
        { path: 'oci://registry.example.com/charts/db:1.2.3', reference: { tag: '1.2.3' } },
      ],
      manifests: [{ path: 'manifests' }],
      docs: [{ path: 'docs/install.md' }],
      files: [{ path: 'vendor/tool.bin', as: 'tool' }],
    });
    expect(component?.images).toHaveLength(3);
  });
});

describe('the name of an extra file in the archive', () => {
  const named =
    (as: string): (() => unknown) =>
    () =>
      parseSpec(withComponent(`files: [{path: tool.bin, integrity: ${EMPTY_SHA256}, as: '${as}'}]`), 'release.yaml');

  it.each(['CON', 'nul.txt', 'com1.bin', 'LPT9', 'tool.', '-rf', '.hidden', '..', 'a/b', 'a\\b', 'a b'])(
    'cannot be %j, which a system or a shell takes for something else',
    (as) => expect(named(as)).toThrow(/as: must be a (plain )?file name/),
  );
  it.each(['console', 'com10', 'tool.v1', '_x-1+2'])('can be %j', (as) => expect(named(as)).not.toThrow());
});

describe('a mistake is named with place and suggestion', () => {
  it.each([
    [
      'an unknown field',
      withComponent('imagse: [nginx]'),
      'release.yaml:8:5: components[0]: unknown field "imagse" (did you mean images?)',
    ],
    [
      'a field of another place',
      `${HEAD}images: [a]\ncomponents: [{name: a}]`,
      'release.yaml:6:1: unknown field "images" (belongs inside a component)',
    ],
    ['a bad reference', withComponent('images: [nginx, "nginx/X:1"]'), 'release.yaml:8:21: components[0].images[1]: '],
    [
      'a bad reference of an object',
      withComponent('images: [{reference: "https://a/b"}]'),
      'release.yaml:8:26: components[0].images[0].reference: ',
    ],
    [
      'an unknown field of an image',
      withComponent('images: [{refrence: a/b}]'),
      'release.yaml:8:15: components[0].images[0]: unknown field "refrence" (did you mean reference?)',
    ],
    [
      'a wrong type of image',
      withComponent('images: [3]'),
      'components[0].images[0]: expected text or a mapping, found number 3',
    ],
    [
      'a platform typo',
      withComponent('').replace('linux/amd64', 'linux/x86_64'),
      'release.yaml:5:13: platforms[0]: unknown platform "linux/x86_64" (did you mean linux/amd64?',
    ],
    [
      'a word for platforms',
      withComponent('').replace(/\[linux.*\]/, 'everything'),
      'release.yaml:5:12: platforms: expected a list of platforms or the word all, found the text "everything"',
    ],
    [
      'an empty list of platforms',
      withComponent('').replace(/\[linux.*\]/, '[]'),
      'release.yaml:5:12: platforms: must not be empty',
    ],
    [
      'a number for a version',
      withComponent('').replace('1.2.3', '1.10'),
      "release.yaml:4:10: version: expected text, found number 1.1 (without quotes YAML reads 1.10 as 1.1; put it in quotes: '1.10')",
    ],
    ['a strange version', withComponent('').replace('1.2.3', '1.2/3'), 'release.yaml:4:10: version: must look like'],
    [
      'a strange name',
      withComponent('').replace('name: demo', 'name: De mo'),
      'release.yaml:3:7: name: must be lower-case',
    ],
    [
      'an impossible day',
      withComponent('').replace('kind', "created: '2026-02-30T00:00:00Z'\nkind"),
      'release.yaml:2:10: created: must be an RFC 3339 time',
    ],
    [
      'another apiVersion',
      withComponent('').replace('ai/v1', 'ai/v9'),
      'release.yaml:1:13: apiVersion: must be airgap.hexabase.ai/v1',
    ],
    ['a missing field', withComponent('').replace('kind: Release\n', ''), 'kind: is missing; it must be Release'],
    ['no component', `${HEAD}components: []`, 'components: must not be empty'],
    ['nothing for components', `${HEAD}components:`, 'components: expected a list, found nothing'],
    [
      'a path upwards',
      withComponent('docs: [../x]'),
      'release.yaml:8:12: components[0].docs[0]: must be a plain path below',
    ],
    ['an absolute path', withComponent('docs: [/etc/passwd]'), 'must be a plain path below'],
    ['a hidden path', withComponent('docs: [a/.git/x]'), 'must be a plain path below'],
    [
      'a weak hash',
      withComponent('files: [{path: a, integrity: sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=}]'),
      'components[0].files[0].integrity: must be one sha256-',
    ],
    [
      'two hashes',
      withComponent(`files: [{path: a, integrity: "${EMPTY_SHA256} ${EMPTY_SHA256}"}]`),
      'must be one sha256-',
    ],
    [
      'a hexadecimal hash',
      withComponent(`files: [{path: a, integrity: "sha256-${'a'.repeat(64)}"}]`),
      'must be one sha256-',
    ],
    [
      'an image twice',
      withComponent('images: [nginx, "docker.io/library/nginx:latest"]'),
      'release.yaml:8:21: components[0].images[1]: duplicate image docker.io/library/nginx:latest, already in line 8',
    ],
    [
      'a component twice',
      `${HEAD}components:\n  - name: a\n  - name: a`,
      'release.yaml:8:11: components[1].name: duplicate component a, already in line 7',
    ],
    [
      'a platform twice',
      withComponent('').replace('linux/arm64/v8', 'linux/amd64/v1'),
      'duplicate platform linux/amd64',
    ],
    ['a path twice', withComponent('docs: [a.md, ./a.md]'), 'components[0].docs[1]: duplicate path a.md'],
    [
      'a path within a path',
      withComponent('docs: [a/b.md, a]'),
      'components[0].docs[0]: a/b.md is already covered by a',
    ],
    [
      'a file name twice',
      withComponent(`files:\n  - {path: a/x, integrity: ${EMPTY_SHA256}}\n  - {path: b/X, integrity: ${EMPTY_SHA256}}`),
      'duplicate file name x, already in line 9 (give one of them another name with `as`)',
    ],
    [
      'a platform the release has not',
      withComponent('images: [{reference: a/b, platforms: [linux/s390x]}]'),
      'platform linux/s390x is not among',
    ],
    ['a key twice', `${HEAD}name: again\ncomponents: [{name: a}]`, 'release.yaml:6:1: duplicate key "name"'],
    ['broken YAML', `${HEAD}components: [`, 'release.yaml:6:'],
    ['a second document', `${withComponent('')}---\na: 1`, 'release.yaml:10:1: a second document'],
    ['an empty text', '# nothing\n', 'release.yaml: is empty'],
    ['a list', '- a', 'release.yaml:1:1: expected a mapping, found a list'],
    ['a prototype', `${HEAD}__proto__: {name: x}\ncomponents: [{name: a}]`, 'unknown field "__proto__"'],
  ])('%s', (_what, text, expected) => {
    expect(messageOf(text)).toContain(expected);
  });

  it('together with all the others, in order, at most twenty', () => {
    const three = messageOf(withComponent('imagse: [nginx]\ndocs: [../x]').replace('linux/amd64', 'linux/amd46'));
    expect(three.split('\n')).toHaveLength(4);
    expect(three).toMatch(
      /^release.yaml has 3 problems\n {2}release.yaml:5:13: .*\n {2}release.yaml:8:5: .*\n {2}release.yaml:9:12: /,
    );
    const many = messageOf(withComponent(`docs: [${Array.from({ length: 25 }, (_, i) => `../${i}`).join(', ')}]`));
    expect(many).toMatch(/has 25 problems[^]*and 5 more$/);
  });

  it('where two components want one image for different platforms', () => {
    const text = `${HEAD}components:
  - {name: a, images: [nginx]}
  - {name: b, images: [{reference: nginx, platforms: [linux/amd64]}]}`;
    expect(messageOf(text)).toContain('docker.io/library/nginx:latest is declared for linux/amd64 here and for all');
  });
});

describe('loadSpec', () => {
  const temp = useTempDir();
  async function write(body: string): Promise<string> {
    const path = temp.join('release.yaml');
    await writeFile(path, withComponent(body));
    return path;
  }

  it('accepts files that are there, through links that stay inside', async () => {
    const path = await write('manifests: [k8s, link.yaml]');
    await mkdir(temp.join('k8s'));
    await writeFile(temp.join('real.yaml'), '');
    await symlink('real.yaml', temp.join('link.yaml'));
    expect((await loadSpec(path)).components[0]?.manifests.map((entry) => entry.path)).toEqual(['k8s', 'link.yaml']);
  });

  it('names what is missing and what leads outside, at its place', async () => {
    const path = await write('manifests: [mainfests, out]');
    await mkdir(temp.join('manifests'));
    await symlink('/etc', temp.join('out'));
    const error = await loadSpec(path).then(
      () => undefined,
      (thrown: unknown) => thrown as AirgapError,
    );
    expect(error?.code).toBe('INVALID_SPEC');
    expect(error?.message).toContain(
      `${path}:8:17: components[0].manifests[0]: mainfests does not exist (did you mean manifests?)`,
    );
    expect(error?.message).toContain(`${path}:8:28: components[0].manifests[1]: out is a link that leads out`);
  });

  it('says when there is no file, and what to do', async () => {
    await expect(loadSpec('/nonexistent/release.yaml')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('airgap init') as string,
    });
  });

  it('refuses files over the limit and files that are not text', async () => {
    const path = await write('');
    await writeFile(path, 'a'.repeat(1024 * 1024 + 1));
    await expect(loadSpec(path)).rejects.toMatchObject({ code: 'INVALID_SPEC' });
    await writeFile(path, Buffer.from([0x61, 0xff, 0xfe]));
    await expect(loadSpec(path)).rejects.toThrow('not UTF-8');
  });
});
