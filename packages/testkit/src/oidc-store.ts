import type { Adapter, AdapterFactory, AdapterPayload } from "oidc-provider";

interface Stored {
  readonly payload: AdapterPayload;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Where `oidc-provider` keeps device codes, sessions and grants: in memory, one map for all models. It brings
 * a store of its own, which prints a warning.
 */
export function createOidcStore(): AdapterFactory {
  const entries = new Map<string, Stored>();

  const live = (): Map<string, Stored> => {
    const now = Date.now();
    for (const [key, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(key);
    return entries;
  };

  return (model): Adapter => {
    const prefix = `${model}:`;
    const where = (field: "userCode" | "uid", value: string): AdapterPayload | undefined => {
      for (const [key, { payload }] of live()) {
        if (key.startsWith(prefix) && payload[field] === value) return payload;
      }
      return undefined;
    };
    return {
      upsert(id, payload, expiresIn) {
        const expiresAt = expiresIn === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresIn * 1000;
        live().set(prefix + id, { payload, expiresAt });
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(live().get(prefix + id)?.payload),
      findByUserCode: (userCode) => Promise.resolve(where("userCode", userCode)),
      findByUid: (uid) => Promise.resolve(where("uid", uid)),
      consume(id) {
        const stored = entries.get(prefix + id);
        if (stored !== undefined) stored.payload.consumed = Math.floor(Date.now() / 1000);
        return Promise.resolve();
      },
      destroy(id) {
        entries.delete(prefix + id);
        return Promise.resolve();
      },
      revokeByGrantId(grantId) {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
        return Promise.resolve();
      },
    };
  };
}
