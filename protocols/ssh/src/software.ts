/** What the gateway calls itself to its peers (RFC 4253 section 4.2); no version, which is for those who look for one to attack. */
export const software = "Gatehouse";
