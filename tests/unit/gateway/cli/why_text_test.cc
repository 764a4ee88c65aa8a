#include "gateway/cli/why_text.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::cli;

namespace {

const char* const kWhy =
    R"json({"device":"press-07","name":"Press 07","online":false,"looking":false,
"verdict":"Nothing gets out on port 8883.","person_does":"Ask the IT department.","gateway_does":"Tries again.",
"steps":[{"part":"This computer","step":"clock","name":"Clock","state":"ok","text":"2026-07-01"},
{"part":"Hub","step":"hub_name","name":"Name","state":"ok","text":"found: 20.1.2.3, 12 ms"},
{"part":"Hub","step":"hub_tcp","name":"Connection (TCP)",
                  "state" : "stopped here", "text" : "no answer"
},
{"part":"Hub","step":"hub_tls","name":"Encryption (TLS)","state":"not reached","text":""}],
"open":[{"host":"hub-a.azure-devices.net","port":8883,"for":"this device's hub"}]
})json";

const char* const kDrill =
    R"({"device":"press-07","finished":true,"hub_before":"hub-a","hub_after":"hub-b","expected":12,
"sent":14,"acknowledged":12,"repeated":3,"set_aside":0,"waiting":0,"lost":0,"dps_conversations":1,
"logins":1,"accepted_after_ms":840,"first_acknowledged_after_ms":910,"all_acknowledged_after_ms":1020})";

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("why reads like a list that stops somewhere, with what to do and what to open") {
  const auto text = why_text(kWhy, Paint(false));
  REQUIRE(text);
  CHECK(*text ==
        "Press 07 (press-07)\n"
        "\nThis computer\n"
        "  ok            Clock             2026-07-01\n"
        "\nHub\n"
        "  ok            Name              found: 20.1.2.3, 12 ms\n"
        "  stopped here  Connection (TCP)  no answer\n"
        "  not reached   Encryption (TLS)\n"
        "\nNothing gets out on port 8883.\n"
        "To do: Ask the IT department.\n"
        "hubward: Tries again.\n"
        "\nOpen in the firewall, outwards only (nothing comes in), and exempt from TLS "
        "inspection:\n"
        "  TCP 8883 to hub-a.azure-devices.net                       this device's hub\n"
        "The name server of this computer must resolve these names.\n");
}

TEST_CASE("only names need a name server") {
  for (const char* address : {"127.0.0.2", "fd00::2"}) {
    const auto text = why_text(changed(kWhy, "hub-a.azure-devices.net", address), Paint(false));
    REQUIRE(text);
    CHECK_FALSE(has(*text, "name server"));
  }
}

TEST_CASE("colours mark where it stops, and control characters do not get through") {
  const auto text = why_text(changed(kWhy, "no answer", "no\\u001b[2Janswer"), Paint(true));
  REQUIRE(text);
  CHECK(has(*text, "\x1b[31mstopped here"));
  CHECK_FALSE(has(*text, "\x1b[2J"));
}

TEST_CASE("what is not an answer to why is an error") {
  for (const char* wrong : {"", "{}", "[]", R"({"steps":{},"open":[]})", R"({"steps":[]})"}) {
    CAPTURE(wrong);
    CHECK_FALSE(why_text(wrong, Paint(false)));
  }
  CHECK(why_text(R"({"steps":[1,{}],"open":[null]})", Paint(false)));  // odd, and harmless
}

TEST_CASE("a drill is told with its figures, and is fine when nothing is open") {
  const auto shown = drill_text(kDrill, Paint(false));
  REQUIRE(shown);
  CHECK(shown->fine);
  for (const char* words :
       {"hub before                        hub-a\n", "hub after                         hub-b\n",
        "provisioning asked                1\n", "0.84 s", "0.91 s", "had to arrive",
        "12        acknowledged by the hub", "3         were on their way", "lost      ",
        "Everything that had to arrive was acknowledged; nothing was lost."}) {
    CAPTURE(words);
    CAPTURE(shown->text);
    CHECK(has(shown->text, words));
  }
}

TEST_CASE("a drill that is not fine says why") {
  struct Row {
    const char* from;
    const char* to;
    const char* says;
  };
  for (const Row& row :
       {Row{R"("lost":0)", R"("lost":2)", "2 messages had to be dropped"},
        Row{R"("set_aside":0)", R"("set_aside":1)", "1 message went to quarantine"},
        Row{R"("finished":true)", R"("finished":false)", "had no message to send meanwhile"},
        Row{R"("hub_after":"hub-b")", R"("hub_after":"")", "No hub has accepted the device yet"}}) {
    CAPTURE(row.to);
    const auto shown = drill_text(changed(kDrill, row.from, row.to), Paint(false));
    REQUIRE(shown);
    CHECK(has(shown->text, row.says));
    if (std::string(row.to) != R"("hub_after":"")") CHECK_FALSE(shown->fine);
  }
  const auto waits =
      drill_text(changed(changed(kDrill, R"("finished":true)", R"("finished":false)"),
                         R"("waiting":0)", R"("waiting":4)"),
                 Paint(false));
  REQUIRE(waits);
  CHECK(has(waits->text, "4 messages not acknowledged yet; the store keeps them"));
  CHECK_FALSE(drill_text("{}", Paint(false)));
}

TEST_CASE("a drill that went back to the same hub says so") {
  const auto shown =
      drill_text(changed(kDrill, R"("hub_after":"hub-b")", R"("hub_after":"hub-a")"), Paint(false));
  REQUIRE(shown);
  CHECK(has(shown->text, "the same: provisioning named it again"));
}
