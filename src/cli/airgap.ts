/** The `airgap` program: all commands, in the order of a release's life. */
import { auditReceipt } from './commands/audit/receipt.ts';
import { auditVerify } from './commands/audit/verify.ts';
import { build } from './commands/build.ts';
import { deploy } from './commands/cluster/deploy.ts';
import { check } from './commands/compliance/check.ts';
import { login } from './commands/credentials/login.ts';
import { logout } from './commands/credentials/logout.ts';
import { diff } from './commands/diff.ts';
import { discover } from './commands/release/discover.ts';
import { extract } from './commands/extract.ts';
import { importFile } from './commands/release/import.ts';
import { init } from './commands/release/init.ts';
import { join } from './commands/archive/join.ts';
import { split } from './commands/archive/split.ts';
import { inspect } from './commands/inspect.ts';
import { keysGenerate } from './commands/keys/generate.ts';
import { keysShow } from './commands/keys/show.ts';
import { load } from './commands/load.ts';
import { rollback } from './commands/cluster/rollback.ts';
import { fleetStatusCommand } from './commands/fleet/status.ts';
import { place } from './commands/fleet/place.ts';
import { mirror } from './commands/mirror.ts';
import { mirrorConfig } from './commands/mirrors/mirror-config.ts';
import { registry } from './commands/registry.ts';
import { resolve } from './commands/resolve.ts';
import { sampleImages } from './commands/sample-images.ts';
import { sign } from './commands/sign.ts';
import { trustAddKey, trustRemoveKey, trustRevoke, trustSet } from './commands/trust/change.ts';
import { trustAddIdentity, trustRemoveIdentity, trustSetTrustedRoot } from './commands/trust/identities.ts';
import { trustInit } from './commands/trust/init.ts';
import { trustShow, trustVerify } from './commands/trust/show.ts';
import { trustSign } from './commands/trust/sign.ts';
import { verify } from './commands/verify.ts';
import type { Program } from './program.ts';

/** The `airgap` program; docs/commands.md lists the same commands in the same order. */
export const AIRGAP: Program = {
  name: 'airgap',
  summary: 'One declared release, one signed archive across the air gap, verified and loaded offline.',
  examples: [
    'airgap init my-release',
    'airgap keys generate --output release',
    'airgap build release.yaml --key release.key',
    'airgap verify my-release-offline-1.0.0.tar --key release.pub',
    'airgap load my-release-offline-1.0.0.tar --key release.pub --to docker://registry.internal:5000',
  ],
  commands: [
    init,
    importFile,
    keysGenerate,
    keysShow,
    trustInit,
    trustAddKey,
    trustRemoveKey,
    trustAddIdentity,
    trustRemoveIdentity,
    trustSetTrustedRoot,
    trustRevoke,
    trustSet,
    trustSign,
    trustShow,
    trustVerify,
    discover,
    check,
    resolve,
    build,
    sign,
    verify,
    inspect,
    diff,
    join,
    split,
    login,
    logout,
    load,
    deploy,
    rollback,
    extract,
    mirrorConfig,
    place,
    fleetStatusCommand,
    auditVerify,
    auditReceipt,
    mirror,
    registry,
    sampleImages,
  ],
};
