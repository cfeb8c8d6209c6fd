/** `deploy` of a release.yaml: what is taken, what is refused with its place, and how it travels. */
import { describe, expect, test } from 'vitest';
import { assertDeployable } from '../../../src/operations/resolve/deployable.ts';
import { formatDeployDocument, parseDeployDocument } from '../../../src/release/deployment/deploy-document.ts';
import type { LockFile } from '../../../src/release/lock/lock-schema.ts';
import { parseSpec } from '../../../src/release/spec/spec.ts';

const HEAD = `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: shop
version: 1.0.0
platforms: all
components: [{name: shop, manifests: [a.yaml]}]
`;

const spec = (init: string): ReturnType<typeof parseSpec> =>
  parseSpec(`${HEAD}deploy:\n  init:\n${init}`, 'release.yaml');

const manifest = (path: string): LockFile => ({
  path,
  from: path,
  kind: 'manifest',
  size: 1,
  digest: `sha256:${'0'.repeat(64)}`,
});

describe('the command that sets a platform up', () => {
  test('needs a workload and the words of the command; the rest has defaults', () => {
    expect(spec('    workload: Deployment/api\n    command: [tool, init]\n').deploy).toEqual({
      init: { workload: 'Deployment/api', command: ['tool', 'init'], timeoutSeconds: 600 },
    });
  });

  test.for([
    [
      '    workload: Pod/api\n    command: [a]\n',
      'must be Deployment, StatefulSet, DaemonSet, a slash and a name',
      '9:15',
    ],
    ['    workload: Deployment/api\n    command: []\n', 'command', '10:14'],
    ['    workload: Deployment/api\n    command: [a]\n    timeoutSeconds: 0\n', 'timeoutSeconds', '11:21'],
    ['    workload: Deployment/api\n    comand: [a]\n', 'did you mean command', '10:5'],
  ])('is refused with its place: %s', ([init, message, place]) => {
    let said = '';
    try {
      spec(init ?? '');
    } catch (error) {
      const { items, message: text, hint } = error as { items?: readonly string[]; message: string; hint?: string };
      said = [text, ...(items ?? []), hint].join('\n');
    }
    expect(said).toContain(message);
    expect(said).toContain(`release.yaml:${place ?? ''}`);
  });

  test('is for profiles that the release has manifests for', () => {
    const init = { workload: 'Deployment/api', command: ['a'], timeoutSeconds: 1, profiles: ['edge', 'medium'] };
    const files = [manifest('manifests/edge/01-all.yaml'), manifest('manifests/other.yaml')];
    expect(() => assertDeployable({ init }, files, true)).toThrow('for medium, which is no profile');
    expect(() => assertDeployable({ init: { ...init, profiles: ['edge', 'plain'] } }, files, true)).not.toThrow();
    expect(() => assertDeployable({ init }, [], true)).toThrow('has no manifests');
    // What is not rendered for want of a renderer is said elsewhere.
    expect(() => assertDeployable({ init }, files, false)).not.toThrow();
  });
});

describe('deploy.json', () => {
  const document = {
    schemaVersion: 1,
    init: { workload: 'Deployment/api', command: ['a', 'b'], timeoutSeconds: 5 },
  } as const;

  test('comes back as it was written', () => {
    const bytes = formatDeployDocument({ ...document, init: { ...document.init, command: ['a', 'b'] } });
    expect(parseDeployDocument(bytes)).toEqual(document);
  });

  test('of a later version is refused, and no part of it is passed over', () => {
    for (const other of [
      { ...document, schemaVersion: 2 },
      { ...document, migrate: {} },
      { ...document, init: { ...document.init, shell: true } },
    ]) {
      expect(() => parseDeployDocument(Buffer.from(JSON.stringify(other)))).toThrow(
        'deploy.json is not what this version understands',
      );
    }
  });
});
