/** What `--to` says, in the words that there are for it. */
import { expect, test } from 'vitest';
import { parseTarget, type TargetAddress } from '../../../src/release/mapping/target-address.ts';

test.each<[string, TargetAddress]>([
  ['docker-daemon:', { kind: 'docker' }],
  ['oci:out/layout', { kind: 'layout', directory: 'out/layout' }],
  ['dir:out:1', { kind: 'directory', directory: 'out:1' }],
  ['docker://registry.example', { kind: 'registry', host: 'registry.example', prefix: '' }],
  ['docker://registry.example:5000/', { kind: 'registry', host: 'registry.example:5000', prefix: '' }],
  ['docker://localhost/group/project//', { kind: 'registry', host: 'localhost', prefix: 'group/project' }],
  ['docker://[::1]:5000/a/b/c', { kind: 'registry', host: '[::1]:5000', prefix: 'a/b/c' }],
])('%s', (text, address) => {
  expect(parseTarget(text)).toEqual(address);
});

test.each([
  ['', 'not a target: '],
  ['registry.example', 'not a target: registry.example'],
  ['oci:', 'not a target: oci:'],
  ['docker://', 'not a target: docker://'],
  ['docker-daemon:x', 'not a target: docker-daemon:x'],
  ['docker://registry', 'not a registry host: registry'],
  ['docker://registry.example/Team', 'not a registry target: docker://registry.example/Team'],
  ['docker://registry.example/a:1', 'not a registry target: docker://registry.example/a:1'],
])('%j is none', (text, message) => {
  expect(() => parseTarget(text)).toThrow(
    expect.objectContaining({ code: 'USAGE', message, hint: expect.stringContaining('docker://') as string }) as Error,
  );
});
