// The one table of words: what each failure is called, what it means and what happens next. The
// page, the log, the command line and the metrics' labels all read it. A new ErrorCode needs a row
// here; a test says so when it is missing.
#pragma once

#include <array>
#include <string_view>

#include "proto/error_code.h"

namespace hubward {

struct FailureWords {
  ErrorCode code;
  std::string_view label;         // in metrics and logs: fixed, snake_case
  std::string_view name;          // three to six words, as a heading
  std::string_view meaning;       // one sentence for a technician
  std::string_view gateway_does;  // the next step hubward takes by itself
  std::string_view person_does;   // what somebody can do; empty: nothing needed
};

inline constexpr std::array kFailureWords = std::to_array<FailureWords>({
    // --- Southbound
    {ErrorCode::PortUnavailable, "port_unavailable", "Port cannot be opened",
     "The serial port or network address of this device cannot be opened.",
     "Tries again every few seconds.",
     "Check that the adapter is plugged in, that its name in the device's file is right (after a "
     "change there restart hubward), and that no other program uses it."},
    {ErrorCode::PortLost, "port_lost", "Connection to device lost",
     "The device closed the connection, or its adapter was unplugged.",
     "Opens the port again as soon as it is back.", "Check cable, adapter and power."},
    {ErrorCode::DeviceNameUnknown, "device_name_unknown", "Device's name not found",
     "The name server does not know the host name that the device's file says, or does not answer.",
     "Tries again every few seconds.",
     "Check how the name is written in the device's file, or write the device's address there "
     "(192.168.1.20), then restart hubward. If the name is right: check the name server of this "
     "computer."},
    {ErrorCode::DeviceUnreachable, "device_unreachable", "Device not reachable",
     "Nobody answers at the network address that the device's file says.",
     "Tries again every few seconds.",
     "Check that the device is on and in this network, its cable and switch, and a firewall in "
     "between; then its address in its file (after a change restart hubward)."},
    {ErrorCode::DeviceNotListening, "device_not_listening", "Device refuses the connection",
     "Something answers at this address, but refuses a connection to this port.",
     "Tries again every few seconds.",
     "Check address and port in the device's file (after a change restart hubward), and that the "
     "protocol (Modbus TCP, for instance) is switched on in the device. Some serve only one or two "
     "connections: does another program hold them?"},
    {ErrorCode::NoAnswer, "no_answer", "Device does not answer",
     "A request was sent and no answer came in time.",
     "Asks less and less often, so that others on the line are not slowed down, and returns to the "
     "normal pace with the first answer.",
     "Check power, wiring, unit id and line settings of the device. Over a network also: does it, "
     "or the converter before it, speak Modbus TCP (modbus_tcp), or RTU over TCP "
     "(modbus_rtu_tcp)?"},
    {ErrorCode::BadFrame, "bad_frame", "Damaged data on the line",
     "Data arrived with a wrong checksum or length.", "Drops it and asks again.",
     "If it happens often: check shielding, termination, and baud rate and parity. Over a network: "
     "a device that speaks Modbus TCP needs modbus_tcp, not modbus_rtu_tcp."},
    {ErrorCode::UnexpectedAnswer, "unexpected_answer", "Answer to something else",
     "A correct answer arrived that does not belong to the request.", "Drops it and asks again.",
     "If it happens often: raise the device's response time-out, and check that no second master "
     "is on the line."},
    {ErrorCode::IllegalFunction, "illegal_function", "Device does not know this function",
     "The device answered that it does not serve this kind of request (exception 1).",
     "Marks the values concerned as bad, asks for them again every minute, keeps reading the "
     "others.",
     "Compare the tag's table with the device's manual: some devices have only holding or only "
     "input registers. After a change in the device's file restart hubward."},
    {ErrorCode::IllegalDataAddress, "illegal_data_address", "Device has no such register",
     "The device answered that it has no register or coil at this address (exception 2).",
     "Marks the values concerned as bad, asks for them again every minute, keeps reading the "
     "others.",
     "Compare the tag's table and address with the device's manual: often it is one off, or the "
     "manual's number was taken for the address on the wire. After a change in the device's file "
     "restart hubward."},
    {ErrorCode::IllegalDataValue, "illegal_data_value", "Device refused the request's content",
     "The device answered that it does not accept this number of registers, or this value "
     "(exception 3).",
     "Marks the values concerned as bad, asks for them again every minute, keeps reading the "
     "others.",
     "Compare the tag's type and address with the device's manual. After a change in the device's "
     "file restart hubward."},
    {ErrorCode::DeviceFailure, "device_failure", "Device reports a failure of its own",
     "The device answered that it could not carry out the request (exception 4).",
     "Marks the values concerned as bad and asks again at the next poll.",
     "Look at the device: it may show a fault or be switched to local operation."},
    {ErrorCode::DeviceStillAtIt, "device_still_at_it", "Device takes longer",
     "The device accepted the request and needs more time for it (exception 5, acknowledge).",
     "Marks the values concerned as bad and asks again at the next poll.", ""},
    {ErrorCode::DeviceBusy, "device_busy", "Device is busy",
     "The device answered that it is busy with something else (exception 6).",
     "Marks the values concerned as bad and asks again at the next poll.",
     "If it lasts: read it less often, and check whether somebody else asks it too."},
    {ErrorCode::MemoryParityError, "memory_parity_error", "Device's memory is damaged",
     "The device answered that its memory failed a check (exception 8).",
     "Marks the values concerned as bad and asks again at the next poll.",
     "Have the device looked at."},
    {ErrorCode::GatewayPathDown, "gateway_path_down", "Modbus gateway has no path",
     "The Modbus gateway in between answered that it has no path to this device (exception 10).",
     "Asks less and less often, and returns to the normal pace with the first answer.",
     "Check unit id and the gateway's own settings."},
    {ErrorCode::GatewayTargetDown, "gateway_target_down", "Device behind the gateway is silent",
     "The Modbus gateway in between answered that the device behind it does not answer "
     "(exception 11).",
     "Asks less and less often, and returns to the normal pace with the first answer.",
     "Check power, wiring, unit id and line settings of the device behind the gateway."},
    {ErrorCode::ModbusException, "modbus_exception", "Device refused the request",
     "The device answered with an exception code that the standard does not know.",
     "Marks the values concerned as bad, keeps reading the others.",
     "Look the code up in the device's manual."},
    {ErrorCode::BadValue, "bad_value", "Value makes no sense",
     "The device sent something that does not fit the tag's type.", "Marks the value as bad.",
     "Check the tag's type in the device's file; after a change there restart hubward."},
    {ErrorCode::NoValue, "no_value", "Device has no value",
     "The device sent the number that stands for \"no value\" (\"bad_raw\" in the device's file).",
     "Marks the value as bad until another number comes.",
     "Check the sensor behind it: it may be broken or not connected."},
    {ErrorCode::BadPayload, "bad_payload", "Message not understood",
     "A line or message did not have the configured form.", "Drops and counts it, keeps a sample.",
     "Compare the sample with the pattern or the JSON pointers in the device's file; after a "
     "change there restart hubward."},
    {ErrorCode::InputTooLong, "input_too_long", "Message too long",
     "A frame, line or message was longer than its limit.", "Drops and counts it, keeps a sample.",
     "Check delimiter and line settings in the device's file; after a change there restart "
     "hubward."},
    {ErrorCode::BrokerUnavailable, "broker_unavailable", "No connection to the local MQTT broker",
     "The MQTT broker in the plant cannot be reached, or does not answer as a broker does.",
     "Tries again every few seconds.",
     "Check that the broker runs, and its address, port and (with TLS) ca_file in gateway.json; "
     "after a change there restart hubward."},
    {ErrorCode::BrokerDenied, "broker_denied", "Local MQTT broker does not let us in",
     "The MQTT broker in the plant answers, and refuses hubward's login or subscription.",
     "Tries again every few seconds.",
     "Check user and password in gateway.json (after a change there, also of the password's file, "
     "restart hubward), and that the broker's rules (ACL) let that user subscribe. The broker's "
     "log may say more."},
    {ErrorCode::DeviceOffline, "device_offline", "Device says it is offline",
     "The device, or the broker in its name (its last will), has said that it is not there.",
     "Waits until it is heard again.", "Check power and network of the device."},
    // --- Writes
    {ErrorCode::NotWritable, "not_writable", "Tag is not writable",
     "The command is for a tag that does not exist, or that the configuration does not mark as "
     "writable.",
     "Refuses the command; nothing was written.",
     "If it should be writable: set \"writable\": true for the tag, and restart hubward."},
    {ErrorCode::OutOfRange, "out_of_range", "Value out of range",
     "The value is outside the tag's range or type.", "Refuses the command; nothing was written.",
     ""},
    {ErrorCode::WriteRefused, "write_refused", "Device refused the write",
     "The device answered that it does not accept this value.",
     "Reports the refusal; nothing was written.", ""},
    {ErrorCode::BrokerRefused, "broker_refused", "Broker refused the write",
     "The MQTT broker in the plant did not take the command, by its rules (ACL) or a limit of its "
     "own; the device never got it.",
     "Reports the refusal; nothing was written.",
     "Check the broker's rules: the user that gateway.json names must be allowed to publish on the "
     "topic of the write. The broker's log may say more."},
    {ErrorCode::WriteOutcomeUnknown, "write_outcome_unknown", "Outcome of the write unknown",
     "The command was sent and no answer came: it may or may not have happened.",
     "Reports it so, reads the value back, does not repeat it.",
     "Look at the machine before you send the command again."},
    {ErrorCode::CommandExpired, "command_expired", "Command came too late",
     "The command's time-out passed before it could be written.", "Drops it; nothing was written.",
     "Send it again if it is still wanted."},
    {ErrorCode::WritesPaused, "writes_paused", "Writing is paused", "Maintenance mode is on.",
     "Refuses all commands until it is off.",
     "When the work on the machine is done: hubward maintenance off."},
    // --- Network
    {ErrorCode::NameUnknown, "name_unknown", "Host name not found",
     "The name server does not know this host, or does not answer.",
     "One device looks again with growing pauses while the others wait; after three times they ask "
     "the provisioning service for another hub.",
     "Check the name server of this computer."},
    {ErrorCode::Unreachable, "unreachable", "Host not reachable",
     "The host does not accept a connection, or does not answer.",
     "One device looks again with growing pauses while the others wait; after three times they ask "
     "the provisioning service for another hub.",
     "Check that the firewall lets port 8883 out."},
    {ErrorCode::TlsFailed, "tls_failed", "Secure connection failed",
     "Something answers at this address, but the encrypted connection could not be set up.",
     "Tries again with growing pauses; after three times asks the provisioning service for another "
     "hub.",
     "Check for a firewall that inspects or blocks TLS."},
    {ErrorCode::TlsUntrusted, "tls_untrusted", "Server not trusted",
     "The server showed a certificate that is not signed by a root we trust.",
     "Sends nothing there; tries again with growing pauses.",
     "Check the clock, the trusted roots file, and whether a firewall inspects TLS."},
    {ErrorCode::ConnectTimeout, "connect_timeout", "Hub does not answer the login",
     "The connection stands, but the hub did not answer within a minute.",
     "Tries again with growing pauses; after ten times asks the provisioning service.", ""},
    {ErrorCode::LinkLost, "link_lost", "Connection to the hub lost", "The connection was closed.",
     "Connects again, first at once, then with growing pauses.", ""},
    {ErrorCode::LinkSilent, "link_silent", "Connection to the hub went silent",
     "The hub did not answer our sign of life: something on the way no longer lets data through.",
     "Drops the connection and connects again.",
     "If it happens often: ask the IT department how long its firewall keeps a quiet connection, "
     "set keep_alive_s in gateway.json below that, and restart hubward."},
    {ErrorCode::OwnNetworkDown, "own_network_down", "No way out to the internet",
     "Neither the hub nor the provisioning service can be reached: it is our own network.",
     "Keeps every reading; one device looks again with growing pauses and nobody else asks.",
     "Check network cable, router and firewall."},
    // --- Hub
    {ErrorCode::HubRefused, "hub_refused", "Hub refused the device",
     "The hub does not say why: token expired, device disabled, deleted, moved or blocked.",
     "Asks the provisioning service where the device belongs, at most once after each pause.", ""},
    {ErrorCode::HubBusy, "hub_busy", "Hub is busy or has a fault",
     "The hub says it is not available now (internal error or overload).",
     "Keeps its assignment, tries again with growing pauses; after ten times asks the provisioning "
     "service.",
     ""},
    {ErrorCode::HubBadVersion, "hub_bad_version", "Hub rejects our protocol",
     "The hub does not accept the version of MQTT that hubward speaks: something else may answer "
     "in its place.",
     "Keeps its assignment, tries again with growing pauses.",
     "Check what answers at this address: a proxy, or a broker that is no IoT hub?"},
    {ErrorCode::HubBadClient, "hub_bad_client", "Hub rejects our identifier",
     "The hub does not accept the device id.",
     "Asks the provisioning service for the right device id, at most once after each pause.",
     "Check the device id of the enrollment."},
    {ErrorCode::HubClosedEarly, "hub_closed_early", "Hub closes soon after login",
     "The hub accepts this device and closes the connection within a minute: it restarts or gives "
     "the device to another hub, it throttles, or a message is not accepted.",
     "Keeps its assignment, tries again with growing pauses; after ten times asks the provisioning "
     "service.",
     "If it lasts: check in the cloud that the hub does not throttle, and what it logs for this "
     "device."},
    {ErrorCode::HubClosesAll, "hub_closes_all", "Hub closes every connection",
     "The hub accepts devices and soon closes all of them again: its messages of the day are used "
     "up (they return at midnight UTC), or it is overloaded.",
     "Keeps every reading; one device looks again with growing pauses while the others wait.",
     "Check the hub's daily quota and its metrics; hubward check tells how many messages this site "
     "sends a day."},
    {ErrorCode::SecondHolder, "second_holder", "Somebody else uses this identity",
     "Another client connects with the same device id, and we keep pushing each other out.",
     "Does not fight: tries again after a minute or more, and keeps every reading.",
     "Find the other client: a copied configuration, a second gateway, a test tool?"},
    {ErrorCode::PubackMissing, "puback_missing", "Hub does not acknowledge messages",
     "Messages were sent and the hub did not confirm them in time.",
     "Drops the connection, connects again, and sends them again.", ""},
    {ErrorCode::SubscriptionRefused, "subscription_refused", "Hub delivers no commands",
     "The hub did not accept our subscription to commands and properties: a basic-tier hub does "
     "not offer them.",
     "Sends telemetry without them.", "Check the hub's tier."},
    {ErrorCode::TwinThrottled, "twin_throttled", "Hub limits property updates",
     "The hub takes no more requests for properties at the moment.",
     "Keeps the connection, waits, and asks again.", ""},
    {ErrorCode::TwinFault, "twin_fault", "Properties not available",
     "The hub had a fault when asked for the device's properties, or did not answer.",
     "Keeps the connection, waits, and asks again.", ""},
    {ErrorCode::TwinRejected, "twin_rejected", "Hub rejects a property",
     "The hub does not accept the form or size of the properties reported to it.",
     "Does not send the same report again; telemetry goes on.",
     "Compare the device's property tags with its model in the cloud."},
    {ErrorCode::HubRefusedAfterDps, "hub_refused_after_dps", "Hub refuses, provisioning agrees",
     "The provisioning service says this hub is right, and the hub refuses the device: it is "
     "disabled or blocked there, its key differs, or this computer's clock is wrong.",
     "Keeps its assignment and every reading; tries again with growing pauses.",
     "In IoT Central or the hub: unblock or enable the device. Check the clock here."},
    // --- DPS
    {ErrorCode::DpsUnreachable, "dps_unreachable", "Provisioning not reachable",
     "The provisioning service cannot be reached, so the device's hub is not known for sure.",
     "Keeps trying the last known hub, asks again with growing pauses.",
     "Check that the firewall lets port 8883 out to the provisioning service."},
    {ErrorCode::DpsUnauthorized, "dps_unauthorized", "Provisioning refused the key",
     "The provisioning service does not accept the device's key, or the clock here is wrong.",
     "Tries again slowly.",
     "Check the clock first, then the enrollment's key, the ID scope and the registration id. Keys "
     "and files are read at the start: after a change restart hubward."},
    {ErrorCode::DpsNotFound, "dps_not_found", "Enrollment not found",
     "The provisioning service knows no such ID scope or enrollment.", "Tries again slowly.",
     "Check the ID scope in gateway.json (after a change there restart hubward) and the enrollment "
     "in the cloud."},
    {ErrorCode::DpsThrottled, "dps_throttled", "Provisioning is busy",
     "Too many registrations at once.", "Waits as long as the service says, then tries again.", ""},
    {ErrorCode::DpsFault, "dps_fault", "Provisioning has a fault",
     "The provisioning service answered with an internal error.",
     "Keeps trying the last known hub, asks again with growing pauses.", ""},
    {ErrorCode::DpsBlocked, "dps_blocked", "Device blocked or not approved",
     "An operator blocked the device in IoT Central, or it waits there for approval.",
     "Keeps its assignment and every reading; tries again with growing pauses.",
     "In IoT Central: approve or unblock the device. Nothing needs to be changed here."},
    {ErrorCode::DpsAllocationFailed, "dps_allocation_failed", "Provisioning found no hub",
     "The rule that assigns a hub failed in the cloud.", "Tries again with growing pauses.",
     "Check the enrollment's allocation rule and linked hubs."},
    {ErrorCode::DpsDisabled, "dps_disabled", "Enrollment is disabled",
     "The device's enrollment is switched off in the provisioning service.",
     "Keeps its assignment and every reading; tries again with growing pauses.",
     "Enable the enrollment in the cloud."},
    {ErrorCode::DpsNoResult, "dps_no_result", "Provisioning takes too long",
     "The provisioning service was still busy assigning a hub after two minutes.",
     "Starts over with growing pauses.", ""},
    {ErrorCode::DpsRejected, "dps_rejected", "Provisioning rejects the request",
     "The provisioning service does not accept the form of the request.", "Tries again slowly.",
     "Check registration id and model id in the device's file; after a change there restart "
     "hubward."},
    // --- Ourselves
    {ErrorCode::ClockWrong, "clock_wrong", "This computer's clock is wrong",
     "Tokens made with a wrong clock are refused, and readings get wrong times.",
     "Keeps reading and marks the times; uses the cloud's time where it has told it, and tries "
     "again at once when the clock is set.",
     "Check time synchronisation (NTP) and the battery of the clock."},
    {ErrorCode::SecretMissing, "secret_missing", "Key cannot be loaded",
     "A key or password named in the configuration is not there.", "Does not start the device.",
     "Put the key where the configuration says, then restart hubward."},
    {ErrorCode::SecretExposed, "secret_exposed", "Key can be read by others",
     "The file with the key is readable for other users of this computer.", "Does not use it.",
     "chmod 600 the file, then restart hubward."},
    {ErrorCode::StoreFailed, "store_failed", "Readings cannot be stored",
     "The disk is full, read-only or faulty.",
     "Takes no more readings than it can keep; tries again every few seconds.",
     "Free or replace the disk."},
    {ErrorCode::StoreCorrupt, "store_corrupt", "Store was damaged",
     "The file with stored readings was damaged and has been set aside.",
     "Works on with a new one.", "Keep the old file if the readings in it matter; check the disk."},
    {ErrorCode::StoreFull, "store_full", "Store is full",
     "More readings were kept than the configured space holds.",
     "Drops the oldest first and counts them.",
     "Give the store more space, or bring the cloud connection back."},
    {ErrorCode::MessageQuarantined, "message_quarantined", "Message set aside",
     "The hub closed the connection five times while this message was being sent.",
     "Sets it aside so that the others get through; it can be exported.",
     "Export it and look at its content."},
    {ErrorCode::MessageTooLarge, "message_too_large", "Message too large",
     "The message is over the hub's limit of 256 KB.", "Sets it aside.",
     "Split the device's tags into several messages."},
    {ErrorCode::ConfigInvalid, "config_invalid", "Configuration has errors",
     "The configuration cannot be used as it is.", "Does not start, or keeps the running one.",
     "Run hubward check, and mend what it lists."},
    {ErrorCode::StateFolderBusy, "state_folder_busy", "Another hubward is running",
     "Another hubward works with this state folder.", "Does not start.",
     "Stop the other one, or give this one a state folder of its own."},
    {ErrorCode::AddressInUse, "address_in_use", "Page address is taken",
     "Another program listens on the address of the local page.", "Does not start.",
     "Choose another address for the page in gateway.json."},
    {ErrorCode::Malformed, "malformed", "Not of the expected form",
     "Something arrived that is not built as it must be.", "Drops and counts it.", ""},
    {ErrorCode::LimitExceeded, "limit_exceeded", "Over a limit",
     "Something is larger than hubward takes.", "Refuses it.", ""},
    {ErrorCode::Stopped, "stopped", "Stopping", "hubward is shutting down.", "", ""},
});

// Never fails for a code that has a row, and a test proves that all have.
[[nodiscard]] constexpr const FailureWords& words_for(ErrorCode code) {
  for (const auto& row : kFailureWords) {
    if (row.code == code) return row;
  }
  return kFailureWords.back();
}

}  // namespace hubward
