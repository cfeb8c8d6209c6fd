/** registries.yaml of k3s and RKE2: rewrites of paths, in a file that may hold what others wrote. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { DIALECTS } from '../../../../src/kubernetes/mirrors/dialects.ts';
import { mapOf, writtenIn } from '../map.ts';

function settingsOf(lines: readonly string[], access = {}): unknown {
  return parse(writtenIn('k3s', lines, access).files['registries.yaml'] ?? '');
}

describe('mirrors', () => {
  test('a registry whose paths are kept has one pattern', () => {
    expect(settingsOf(['nginx:1=in.example:5000/m/docker.io/library/nginx:1'])).toEqual({
      mirrors: { 'docker.io': { endpoint: ['https://in.example:5000'], rewrite: { '^(.*)$': 'm/docker.io/$1' } } },
    });
  });

  test('at the root of the host there is nothing to rewrite', () => {
    expect(settingsOf(['a.example/x:1=in.example/x:1'], { plainHttp: true })).toEqual({
      mirrors: { 'a.example': { endpoint: ['http://in.example'] } },
    });
  });

  test('where a path changes each repository has a pattern of its own: patterns have no order', () => {
    const settings = settingsOf(['a.example/x.y:1=in.example/other:1', 'a.example/z:1=in.example/a/z:1']);
    const rewrite = { '^x[.]y$': 'other', '^z$': 'a/z' };
    expect(settings).toEqual({ mirrors: { 'a.example': { endpoint: ['https://in.example'], rewrite } } });
    const patterns = Object.keys(rewrite).map((pattern) => new RegExp(pattern));
    expect(['x.y', 'z', 'xzy', 'x.y/z'].map((path) => patterns.filter((each) => each.test(path)).length)).toEqual([1, 1, 0, 0]); // prettier-ignore
  });

  test('how the registry is reached belongs to its host', () => {
    const access = { insecure: true, caFile: '/etc/ssl/ca.pem' };
    expect(settingsOf(['a.example/x:1=in.example:5000/x:1'], access)).toMatchObject({
      configs: { 'in.example:5000': { tls: { ca_file: '/etc/ssl/ca.pem', insecure_skip_verify: true } } },
    });
  });

  test('the registry that holds the images is not sent to itself', () => {
    const lines = ['in.example/x:1=in.example/m/x:1', 'a.example/x:1=in.example/m/a/x:1'];
    const { unexpressed } = writtenIn('rke2', lines);
    expect(unexpressed.map(({ original }) => original)).toEqual(['in.example/x:1']);
    expect(settingsOf(lines)).toMatchObject({ mirrors: { 'a.example': {} } });
    expect(JSON.stringify(settingsOf(lines))).not.toContain('"in.example"');
  });
});

describe('a file that is there already', () => {
  const map = mapOf(['a.example/x:1=in.example:5000/m/x:1'], { insecure: true });
  const file = DIALECTS.k3s.write(map).files[0] ?? { path: '', content: '' };
  const merge = (existing: string): string => DIALECTS.k3s.merge?.(existing, file, 'registries.yaml') ?? '';

  test('keeps other registries, accounts and comments', () => {
    const merged = merge(`# by hand
mirrors:
  b.example:
    endpoint: [https://cache.example]
  a.example: {endpoint: [https://old.example], rewrite: {x: y}}
configs:
  in.example:5000:
    auth: {username: me, password: secret} # the site's
  b.example: {tls: {ca_file: /b.pem}}
`);
    expect(merged).toContain('# by hand');
    expect(merged).toContain("# the site's");
    expect(parse(merged)).toEqual({
      mirrors: {
        'b.example': { endpoint: ['https://cache.example'] },
        'a.example': { endpoint: ['https://in.example:5000'], rewrite: { '^(.*)$': 'm/$1' } },
      },
      configs: {
        'in.example:5000': { auth: { username: 'me', password: 'secret' }, tls: { insecure_skip_verify: true } },
        'b.example': { tls: { ca_file: '/b.pem' } },
      },
    });
  });

  test.each(['', '# nothing yet\n', 'mirrors:\nconfigs:\n', 'configs: {"in.example:5000":}\n', 'other: true\n'])(
    'may be nearly empty: %j',
    (existing) => {
      expect(parse(merge(existing))).toMatchObject(parse(file.content) as object);
    },
  );

  test('trusts no longer what an earlier configuration did, and keeps client certificates', () => {
    const access = { caFile: '/ca.pem' };
    const next = DIALECTS.k3s.write(mapOf(['a.example/x:1=in.example:5000/m/x:1'], access)).files[0] ?? file;
    const merged = DIALECTS.k3s.merge?.(
      'configs: {"in.example:5000": {tls: {insecure_skip_verify: true, cert_file: /c.pem}}}\n',
      next,
      'registries.yaml',
    );
    expect(parse(merged ?? '')).toMatchObject({
      configs: { 'in.example:5000': { tls: { ca_file: '/ca.pem', cert_file: '/c.pem' } } },
    });
    expect(merged).not.toContain('insecure_skip_verify');
  });

  test('stays as it is, byte for byte, when all of it is in it', () => {
    const merged = merge('configs: {}\n');
    expect(merge(merged)).toBe(merged);
    const spelled = `${JSON.stringify(parse(merged))}   # in other words\n`;
    expect(merge(spelled)).toBe(spelled);
  });

  test.each(['- a\n', 'mirrors: []\n', 'configs: 1\n', 'text\n', 'mirrors: {a: b: c}\n'])('is refused when k3s would: %j', (existing) => {
    expect(() => merge(existing)).toThrow(
      expect.objectContaining({ code: 'INVALID_SPEC', message: expect.stringContaining('registries.yaml') as string }),
    );
  }); // prettier-ignore
});
