// The "person" behind a client that acts for itself (client_credentials): a scoped UUID, always the same for one client.

import { createHash } from 'node:crypto';

export function serviceAccount({ metadata, serviceEntitlements }) {
  const hex = createHash('sha256').update(metadata.client_id).digest('hex');
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
  const sub = `${uuid}@egi.eu`;
  return {
    sub,
    voperson_id: sub,
    login: `service-account-${metadata.client_id}`,
    assurance: [],
    entitlements: serviceEntitlements,
  };
}
