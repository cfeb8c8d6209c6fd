/** WWW-Authenticate as servers really send it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../../src/stores/registry/auth/challenge.ts';
import { coversScopes, demandedScopes, formatScope, uniteScopes } from '../../../../src/stores/registry/auth/scope.ts';

describe('parseChallenges', () => {
  it.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        [
          'bearer',
          { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' },
        ],
      ],
    ],
    ['BASIC realm="Sonatype Nexus Repository Manager"', [['basic', { realm: 'Sonatype Nexus Repository Manager' }]]],
    ['BaSiC ReAlM=x', [['basic', { realm: 'x' }]]],
    [
      'Negotiate, Basic realm="a, b", Bearer realm="https://x/t" , service = "s"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'a, b' }],
        ['bearer', { realm: 'https://x/t', service: 's' }],
      ],
    ],
    [
      'Negotiate YII=, NTLM TlRMTVNTUAAC==, Basic realm="r"',
      [
        ['negotiate', {}],
        ['ntlm', {}],
        ['basic', { realm: 'r' }],
      ],
    ],
    ['Basic realm="say \\"hi\\", \\\\"', [['basic', { realm: 'say "hi", \\' }]]],
    ['Bearer realm=https://x/t,service=a', [['bearer', { realm: 'https://x/t', service: 'a' }]]],
    [',, Basic realm="r",,', [['basic', { realm: 'r' }]]],
    ['Bearer realm="unterminated', [['bearer', { realm: 'unterminated' }]]],
    ['Bearer realm="unterminated\\', [['bearer', { realm: 'unterminated' }]]],
    [
      'Bearer realm="a\\"b\\\\", Basic',
      [
        ['bearer', { realm: 'a"b\\' }],
        ['basic', {}],
      ],
    ],
    ['Bearer realm="",x=,y="z"', [['bearer', { realm: '', x: '', y: 'z' }]]],
    ['Basic', [['basic', {}]]],
    ['', []],
    [undefined, []],
    [
      ['Bearer realm="a"', 'Basic realm="b"'],
      [
        ['bearer', { realm: 'a' }],
        ['basic', { realm: 'b' }],
      ],
    ],
    ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
  ])('%s', (header, expected) => {
    expect(parseChallenges(header).map(({ scheme, parameters }) => [scheme, parameters])).toEqual(expected);
  });

  it('looks at the first 16 KiB and no further', () => {
    const at = (end: number): unknown => parseChallenges(`${' '.repeat(end - 'Basic'.length)}Basic`)[0]?.scheme;
    expect([at(16 * 1024), at(16 * 1024 + 1)]).toEqual(['basic', 'basi']);
  });

  it('ends on any text', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[Ba =",\\]{0,60}$/));
    fc.assert(
      fc.property(text, (header) => {
        expect(parseChallenges(header)).toBeInstanceOf(Array);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('scopes', () => {
  it('are written and united without repetition', () => {
    expect(formatScope({ repository: 'a/b', actions: ['push', 'pull'] })).toBe('repository:a/b:pull,push');
    expect(uniteScopes(['repository:x:pull', 'registry:catalog:*'], ['repository:x:push'])).toEqual([
      'repository:x:pull,push',
      'registry:catalog:*',
    ]);
    expect(coversScopes(['repository:x:pull,push'], ['repository:x:pull'])).toBe(true);
    expect(coversScopes(['repository:x:pull'], ['repository:x:push'])).toBe(false);
  });

  it('of any other form are kept as they are', () => {
    expect(uniteScopes(['openid', ':x', 'aws', 'openid'])).toEqual(['openid', ':x', 'aws']);
    expect(demandedScopes('  openid   repository:a:pull ', [])).toEqual(['openid', 'repository:a:pull']);
    expect(demandedScopes(undefined, [])).toEqual([]);
  });

  it('that are examples are left out, unless the repository has that very name', () => {
    const placeholder = 'repository:user/image:pull repository:a:pull';
    expect(demandedScopes(placeholder, [{ repository: 'a', actions: ['pull'] }])).toEqual(['repository:a:pull']);
    expect(demandedScopes(placeholder, [{ repository: 'user/image', actions: ['pull'] }])).toHaveLength(2);
  });
});
