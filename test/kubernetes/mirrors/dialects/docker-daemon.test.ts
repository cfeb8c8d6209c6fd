/** daemon.json: mirrors of Docker Hub alone, and what that leaves is named. */
import { describe, expect, test } from 'vitest';
import { DIALECTS } from '../../../../src/kubernetes/mirrors/dialects.ts';
import { mapOf, writtenIn } from '../map.ts';

test('Docker Hub at the root of a host is a mirror; other registries are named', () => {
  const lines = ['nginx:1=in.example/library/nginx:1', 'a.example/x:1=in.example/x:1'];
  const { files, unexpressed } = writtenIn('docker', lines);
  expect(JSON.parse(files['daemon.json'] ?? '')).toEqual({ 'registry-mirrors': ['https://in.example'] });
  expect(unexpressed).toEqual([{ original: 'a.example/x:1', why: 'is not of Docker Hub: pull in.example/x:1' }]);
});

test('below a path there is no mirror, and nothing to write', () => {
  const { files, unexpressed } = writtenIn('docker', ['nginx:1=in.example/docker.io/library/nginx:1']);
  expect(files).toEqual({});
  expect(unexpressed[0]?.why).toBe('is not at the root of a host: pull in.example/docker.io/library/nginx:1');
});

test('a repository with a name of its own is named beside the mirror of the others', () => {
  const lines = ['nginx:1=in.example/library/nginx:1', 'redis:1=in.example/library/redis:1', 'a/b:1=in.example/c:1'];
  const { files, unexpressed } = writtenIn('docker', lines);
  expect(Object.keys(files)).toEqual(['daemon.json']);
  expect(unexpressed.map(({ original }) => original)).toEqual(['docker.io/a/b:1']);
});

test.each([{ plainHttp: true }, { insecure: true }])('%o is an insecure registry', (access) => {
  const { files } = writtenIn('docker', ['nginx:1=in.example:5000/library/nginx:1'], access);
  expect(JSON.parse(files['daemon.json'] ?? '')).toMatchObject({ 'insecure-registries': ['in.example:5000'] });
});

describe('a file that is there already', () => {
  const map = mapOf(['nginx:1=in.example/library/nginx:1'], { plainHttp: true });
  const file = DIALECTS.docker.write(map).files[0] ?? { path: '', content: '' };
  const merge = (existing: string): string => DIALECTS.docker.merge?.(existing, file, 'daemon.json') ?? '';

  test('keeps everything else, and is asked after this mirror', () => {
    const existing = { 'log-driver': 'journald', 'registry-mirrors': ['https://cache.example', 'http://in.example'] };
    expect(JSON.parse(merge(JSON.stringify(existing)))).toEqual({
      'log-driver': 'journald',
      'registry-mirrors': ['http://in.example', 'https://cache.example'],
      'insecure-registries': ['in.example'],
    });
  });

  test('stays as it is, byte for byte, when all of it is in it', () => {
    const existing = '{"insecure-registries":["in.example"],\n\n"registry-mirrors":["http://in.example", "https://b.example"]}';
    expect(merge(existing)).toBe(existing);
    expect(merge(merge(' \n'))).toBe(merge(''));
  }); // prettier-ignore

  test.each(['[]', 'null', '{"registry-mirrors": "x"}', '{"a": 1, "a": 2}', 'text'])(
    'is refused when the Engine would: %s',
    (existing) => {
      expect(() => merge(existing)).toThrow(
        expect.objectContaining({ code: 'INVALID_SPEC', message: expect.stringContaining('daemon.json') as string }),
      );
    },
  );
});
