/**
 * The numbers of all messages, which are their first byte (RFC 4250 section 4.1.2, RFC 8308). 30 to 49 mean what the chosen key
 * exchange says, and 60 to 79 what the chosen method of authentication says: such numbers stand here more than once.
 */
export const number = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  newKeys: 21,
  /** Of all exchanges that are offered here: both sides' public values (RFC 4253 section 8, RFC 5656 section 4). */
  kexExchangeInit: 30,
  kexExchangeReply: 31,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthBanner: 53,
  /** The answer to a key that is shown without a signature (RFC 4252 section 7). */
  userauthPkOk: 60,
  /** keyboard-interactive (RFC 4256 section 5). */
  userauthInfoRequest: 60,
  userauthInfoResponse: 61,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;
