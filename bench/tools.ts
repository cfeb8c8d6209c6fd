/** The versions of the tools that take part. */
import { spawnSync } from 'node:child_process';
import { findTool } from '../test/helpers/tools.ts';

const VERSION_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  skopeo: ['--version'],
  'skopeo-current': ['--version'],
  crane: ['version'],
  oras: ['version'],
  dockerd: ['--version'],
  'docker-registry': ['--version'],
  openssl: ['version'],
  curl: ['--version'],
  tar: ['--version'],
};

/** By name, the first line of what each says; `missing` for those that do not take part. */
export function describeTools(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(VERSION_COMMANDS).map(([name, args]) => {
      const path = findTool(name);
      if (path === undefined) return [name, 'missing'];
      const { stdout, stderr } = spawnSync(path, [...args], { encoding: 'utf8' });
      return [name, (stdout.trim() || stderr.trim()).split('\n')[0]?.slice(0, 60) ?? ''];
    }),
  );
}
