// Every failure hubward can name. The words for people come from one table,
// gateway/api/failure_words.h, which has a row for each of these and is used by the page, the log,
// the command line and the metrics' labels alike.
#pragma once

#include <cstdint>

namespace hubward {

enum class ErrorCode : std::uint16_t {
  // --- Southbound: the line to a piece of equipment.
  PortUnavailable,  // serial port or socket cannot be opened
  PortLost,         // unplugged, or the peer closed the connection
  // Not yet a connection to equipment, or to the local broker. The cloud's are below: what to do
  // there is something else.
  DeviceNameUnknown,   // host name does not resolve
  DeviceUnreachable,   // nobody answers at the address
  DeviceNotListening,  // the address answers, its port refuses
  NoAnswer,            // equipment did not answer in time
  BadFrame,            // checksum, length or framing wrong
  UnexpectedAnswer,    // a well-formed answer to something else
  // The equipment answered with an exception code (MODBUS Application Protocol, section 7).
  IllegalFunction,     // 1
  IllegalDataAddress,  // 2
  IllegalDataValue,    // 3
  DeviceFailure,       // 4
  DeviceStillAtIt,     // 5: acknowledge
  DeviceBusy,          // 6
  MemoryParityError,   // 8
  GatewayPathDown,     // 10
  GatewayTargetDown,   // 11
  ModbusException,     // 7 and everything the standard does not know
  BadValue,            // outside the sense of its type, or not convertible
  NoValue,             // the equipment sent what stands for "no value"
  BadPayload,          // text, JSON or topic not of the configured form
  InputTooLong,        // a frame, line or payload over its limit
  BrokerUnavailable,   // local MQTT broker cannot be reached, or is of no use
  BrokerDenied,        // it answers, and does not let us in or subscribe
  DeviceOffline,       // the device, or its last will at the broker, says that it is not there
  // --- Writes to the plant.
  NotWritable,          // tag unknown or not marked writable
  OutOfRange,           // value outside the tag's range or type
  WriteRefused,         // the equipment said no
  BrokerRefused,        // the local MQTT broker did not take it
  WriteOutcomeUnknown,  // no answer: may or may not have happened
  CommandExpired,       // time-out passed before it could be written
  WritesPaused,         // maintenance mode
  // --- The network between us and the cloud.
  NameUnknown,     // host name does not resolve
  Unreachable,     // TCP refused or timed out
  TlsFailed,       // handshake failed
  TlsUntrusted,    // server certificate not trusted
  ConnectTimeout,  // no CONNACK in time
  LinkLost,        // connection closed
  LinkSilent,      // keep-alive time-out
  OwnNetworkDown,  // neither hub nor DPS can be reached
  // --- The hub.
  HubRefused,           // CONNACK 4 or 5: token, disabled, deleted, moved or blocked
  HubBusy,              // CONNACK 3
  HubBadVersion,        // CONNACK 1
  HubBadClient,         // CONNACK 2
  HubClosedEarly,       // closes soon after every successful CONNECT
  HubClosesAll,         // does so with every device: daily quota, or throttling
  SecondHolder,         // somebody else connects with this identity
  PubackMissing,        // sent, not acknowledged in time
  SubscriptionRefused,  // the hub does not deliver commands or properties
  TwinThrottled,        // twin answer 429
  TwinFault,            // twin answer 5xx, or none
  TwinRejected,         // twin answer 400, 413 ...: this report cannot be accepted
  HubRefusedAfterDps,   // DPS says this hub, and the hub refuses: blocked or disabled there
  // --- DPS.
  DpsUnreachable,       // hub answers, DPS cannot be reached
  DpsUnauthorized,      // 401/403: key, scope or registration id wrong, or clock wrong
  DpsNotFound,          // 404: scope or enrollment does not exist
  DpsThrottled,         // 429
  DpsFault,             // 5xx
  DpsBlocked,           // failed 400209: waiting for approval, or blocked by an operator
  DpsAllocationFailed,  // failed, other: webhook or allocation
  DpsDisabled,          // enrollment disabled
  DpsNoResult,          // still assigning when the budget ran out
  DpsRejected,          // other 4xx: request not accepted
  // --- Ourselves.
  ClockWrong,          // wall clock not credible
  SecretMissing,       // a referenced secret cannot be loaded
  SecretExposed,       // a secret's file is readable by others
  StoreFailed,         // disk full, read-only, I/O error
  StoreCorrupt,        // store set aside, new one begun
  StoreFull,           // oldest messages were dropped
  MessageQuarantined,  // in flight at five link drops
  MessageTooLarge,     // over the hub's 256 KB
  ConfigInvalid,       // configuration has errors
  StateFolderBusy,     // another hubward runs on it
  AddressInUse,        // the page's port is taken
  Malformed,           // bytes or text not of the expected form (parsers)
  LimitExceeded,       // an input over a named limit
  Stopped,             // shutting down
};

}  // namespace hubward
