/** Options of every command that brings images to a target. */
import { count, flag, list, platforms, text, type ValuesOf } from '../command.ts';

export const targetOptions = {
  platform: platforms('only this platform of the images'),
  stripRegistry: flag('--strip-registry', 'leave the original registry out of the path; collisions are refused'),
  maxPathDepth: count(
    '--max-path-depth <n>',
    'segments of a path that the target takes; the rest is joined by -',
    1,
    32,
  ),
  flatten: flag('--flatten', 'one segment for each repository, its parts joined by -'),
  nameMap: text('--name-map <file>', 'lines original-repository=path: names that go before all rules'),
  skipRefusedEvidence: flag('--skip-refused-evidence', 'go on without evidence that the target does not take'),
  plan: flag('--plan', 'say what would move and change nothing'),
  requireEvidence: flag(
    '--require-evidence',
    'fail where signatures and other evidence would no longer be about what the target keeps',
  ),
  trustTarget: flag('--trust-target', 'take what a layout or directory holds by its size, without hashing it again'),
  thorough: flag('--thorough', 'ask a registry for every blob, also those of manifests that it holds'),
  report: text('--report <directory>', 'where mapping.txt and the JSON report go'),
  allowHost: list('--allow-host <host>', "host outside the target's domain that it may send uploads and logins to"),
  plainHttp: flag('--plain-http', 'speak HTTP instead of HTTPS to the target (not needed for loopback)'),
  insecure: flag('--insecure', 'accept any certificate of the target'),
  caFile: text('--ca-file <file>', "PEM file of authorities to trust beside the system's"),
} as const;

/** Their values. */
export type TargetOptions = ValuesOf<typeof targetOptions>;
