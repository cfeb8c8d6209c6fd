/** Where the real tools of the field live on this machine: provisioned ones first, then those on PATH. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Daemons live here, which a plain user's PATH may lack. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

/** The folders that are searched, in this order: `$AIRGAP_TOOLS/bin`, `<repository>/.tools/bin`, PATH, the sbin folders. */
export function toolFolders(): readonly string[] {
  const provisioned = process.env['AIRGAP_TOOLS'];
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [
    ...(provisioned === undefined || provisioned === '' ? [] : [join(provisioned, 'bin')]),
    join(repository, '.tools', 'bin'),
    ...path,
    ...SYSTEM_FOLDERS,
  ];
}

/** The absolute path of an executable file named `name`, or undefined when no folder has one. */
export function findTool(name: string): string | undefined {
  return toolFolders()
    .map((folder) => join(folder, name))
    .find(isExecutableFile);
}

/**
 * The absolute path of a tool that must be there.
 * @throws Error naming the tool and how to get it
 */
export function toolPath(name: string): string {
  const path = findTool(name);
  if (path === undefined) throw new Error(`the tool ${name} is not on this machine; run scripts/setup-tools.sh`);
  return path;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
