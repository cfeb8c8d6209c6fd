/** Where the reports of a load go. */
import { refuseLink } from '../../base/files/result-file.ts';
import type { Inventory } from '../../archive/inventory/inventory-schema.ts';

/**
 * The directory that was named, or one of the release's name beside.
 * @throws UsageError when none was named and a link was planted in its place.
 */
export async function reportDirectory(
  named: string | undefined,
  { name, version }: Pick<Inventory, 'name' | 'version'>,
): Promise<string> {
  if (named !== undefined) return named;
  const directory = `./${name}-${version}-load`;
  await refuseLink(directory, '--report');
  return directory;
}
