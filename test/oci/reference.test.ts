/** References: the grammar and normalisation of distribution/reference, case by case and as properties. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { familiarName, formatReference, isTag, parseReference, withDefaultTag } from '../../src/oci/reference.ts';

const HEX = 'a'.repeat(64);

function canonical(text: string): string {
  return formatReference(parseReference(text));
}

describe('parseReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['library/nginx', 'docker.io/library/nginx'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
    ['registry-1.docker.io/library/nginx', 'registry-1.docker.io/library/nginx'],
    ['bitnami/redis:7', 'docker.io/bitnami/redis:7'],
    ['quay.io/a/b/c:v1', 'quay.io/a/b/c:v1'],
    ['localhost', 'docker.io/library/localhost'],
    ['localhost/app', 'localhost/app'],
    ['localhost:5000/app', 'localhost:5000/app'],
    ['test.com:5000', 'docker.io/library/test.com:5000'],
    ['test:5000/repo', 'test:5000/repo'],
    ['Foo/bar', 'Foo/bar'],
    ['FOO.example/bar', 'FOO.example/bar'],
    ['127.0.0.1:5000/a', '127.0.0.1:5000/a'],
    ['[::1]:5000/a/b:t', '[::1]:5000/a/b:t'],
    ['[2001:db8::1]/a', '[2001:db8::1]/a'],
    ['xn--n3h.com/myimage', 'xn--n3h.com/myimage'],
    ['a/b__c/d--e/f---g.h_i', 'docker.io/a/b__c/d--e/f---g.h_i'],
    ['foo_bar.com:8080', 'docker.io/library/foo_bar.com:8080'],
    [`nginx@sha256:${HEX}`, `docker.io/library/nginx@sha256:${HEX}`],
    [`ghcr.io/x/y:1@sha256:${HEX}`, `ghcr.io/x/y:1@sha256:${HEX}`],
    [`example.com/${HEX}`, `example.com/${HEX}`],
    [`${HEX}:tag`, `docker.io/library/${HEX}:tag`],
    [`example.com/${'a'.repeat(255)}`, `example.com/${'a'.repeat(255)}`],
    ['a/_tag:_v.-1', undefined],
    ['x:_v.-1', 'docker.io/library/x:_v.-1'],
  ])('%s', (text, expected) => {
    if (expected === undefined) expect(() => parseReference(text)).toThrow(/invalid reference/);
    else expect(canonical(text)).toBe(expected);
  });

  it.each([
    ['', 'it is empty', undefined],
    ['Nginx', 'lower case', 'nginx?'],
    ['ghcr.io/Owner/app:V1', 'lower case', 'ghcr.io/owner/app:V1?'],
    ['docker://nginx', 'no scheme', 'mean nginx?'],
    ['https://ghcr.io/a/b', 'no scheme', 'mean ghcr.io/a/b?'],
    ['ngi nx', 'white space', 'nginx?'],
    ['nginx:', 'tag after : is missing', undefined],
    ['nginx:a b'.replace(' ', '+'), 'not a tag', 'nginx:a-b?'],
    [`nginx:${'t'.repeat(129)}`, 'not a tag', undefined],
    ['nginx@', 'not a digest', undefined],
    ['nginx@sha256:abc', 'not a digest', undefined],
    [`nginx@sha256:${'a'.repeat(63)}`, '64 hex digits', undefined],
    [`nginx@sha256:${'A'.repeat(64)}`, 'lower case', HEX],
    [`nginx@sha512:${'a'.repeat(128)}`, 'cannot be checked', undefined],
    [`nginx@md7:${HEX}`, 'unknown', undefined],
    [`nginx@sha256:${HEX}@sha256:${HEX}`, 'not a digest', undefined],
    [HEX, 'image ID', `@sha256:${HEX}`],
    ['example.com/', 'repository name is missing', undefined],
    ['a//b', 'repository name', undefined],
    ['a/-b', 'repository name', undefined],
    ['a/b-', 'repository name', undefined],
    ['a/b___c', 'repository name', undefined],
    ['a/b..c', 'repository name', undefined],
    ['-x.com/a', 'host name', undefined],
    ['x-.com/a', 'host name', undefined],
    ['[fe80::1%eth0]/a', 'host name', undefined],
    ['host:port/a', 'host name', undefined],
    ['user@host/a', 'not a digest', undefined],
    ['../a', 'host name', undefined],
    ['.x/a', 'host name', undefined],
    [`example.com/${'a'.repeat(256)}`, 'longer than 255', undefined],
    ['a'.repeat(5000), 'longer than 1024', undefined],
    ['nginx\0', 'repository name', undefined],
    ['nginx:tag\n', 'white space', undefined],
    ['Ünicode/x', 'host name', undefined],
    ['docker.io/ünicode', 'repository name', undefined],
  ])('refuses %j', (text, reason, suggestion) => {
    let caught: unknown;
    try {
      parseReference(text);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ name: 'UsageError', code: 'INVALID_REFERENCE' });
    expect((caught as Error).message).toContain(reason);
    if (suggestion !== undefined) expect((caught as { hint: string }).hint).toContain(suggestion);
  });
});

describe('the other forms', () => {
  it('adds latest only where nothing is said', () => {
    expect(withDefaultTag(parseReference('a')).tag).toBe('latest');
    expect(withDefaultTag(parseReference('a:b')).tag).toBe('b');
    expect(withDefaultTag(parseReference(`a@sha256:${HEX}`)).tag).toBeUndefined();
  });

  it.each([
    ['docker.io/library/nginx:1', 'nginx:1'],
    ['docker.io/bitnami/redis', 'bitnami/redis'],
    ['docker.io/library/foo/bar', 'library/foo/bar'],
    ['quay.io/library/x', 'quay.io/library/x'],
  ])('shortens %s', (text, short) => {
    expect(familiarName(parseReference(text))).toBe(short);
    expect(canonical(short)).toBe(canonical(text));
  });
});

describe('every reference', () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
  const label = fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,6}[a-zA-Z0-9])?$/);
  const reference = fc.record(
    {
      registry: fc
        .tuple(label, label, fc.option(fc.integer({ min: 1, max: 65535 })))
        .map(([a, b, port]) => (port === null ? `${a}.${b}` : `${a}.${b}:${port}`)),
      repository: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
      tag: fc.stringMatching(/^\w[\w.-]{0,20}$/),
      digest: fc.stringMatching(/^[a-f0-9]{64}$/).map((hex) => `sha256:${hex}` as const),
    },
    { requiredKeys: ['registry', 'repository'] },
  );

  it('survives writing and reading', () => {
    fc.assert(
      fc.property(reference, (made) => {
        expect(parseReference(formatReference(made))).toEqual(made);
        expect(parseReference(familiarName(made))).toEqual(made);
        if (made.tag !== undefined) expect(isTag(made.tag)).toBe(true);
      }),
    );
  });

  it('is stable under normalisation, or refused with INVALID_REFERENCE and nothing else', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9.:/@_-]{0,40}$/));
    fc.assert(
      fc.property(text, (given) => {
        try {
          const once = canonical(given);
          expect(canonical(once)).toBe(once);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_REFERENCE' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
