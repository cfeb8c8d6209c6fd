/** What a delta leaves out, in a few words. */
import { nameBases } from '../../archive/partial/base-names.ts';
import type { Omissions } from '../../archive/partial/partial-document.ts';
import { formatBytes, formatCount } from '../format.ts';

/** `12 layers left out (1.2 GB), which a site has from my-release 1.0.0` */
export function leftOut({ omitted, omittedBytes, bases }: Omissions): string {
  if (omitted === 0) return 'no layer left out: no base has one of them where it is needed';
  return `${formatCount(omitted, 'layer')} left out (${formatBytes(omittedBytes)}), which a site has from ${nameBases(bases)}`;
}
