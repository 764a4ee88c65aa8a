#include "gateway/config/document.h"

#include <rapidjson/encodedstream.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <unordered_set>

namespace hubward::config {
namespace {

// Enough to mend a file by; a file with more is better read again by its author.
constexpr std::size_t kRepeatedKeysMax = 100;
constexpr std::size_t kQuotedKeyMax = 64;

// Builds the tree from RapidJSON's events. Events carry no positions, but between two tokens there
// is only white space, comments, commas and colons: so the start of a token is found by reading
// on from the end of the one before.
class TreeBuilder {
 public:
  TreeBuilder(std::string_view text, std::size_t begin, Document& document)
      : text_(text), end_of_last_(begin), document_(document) {}

  bool Null() { return scalar(Node::Kind::Null) != nullptr; }
  bool Bool(bool value) {
    scalar(Node::Kind::Boolean)->boolean = value;
    return true;
  }
  // Numbers come as text; these are never called, and would only lose precision.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    scalar(Node::Kind::Number)->text.assign(text, length);
    return true;
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    scalar(Node::Kind::Text)->text.assign(text, length);
    return true;
  }
  bool StartObject() { return open(Node::Kind::Object); }
  bool StartArray() { return open(Node::Kind::List); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  bool Key(const char* text, rapidjson::SizeType length, bool) {
    Member member;
    member.key.assign(text, length);
    member.key_offset = token_start();
    end_of_last_ = position_;
    if (!open_.back().keys.insert(member.key).second) repeated(member);
    open_.back().node->members.push_back(std::move(member));
    return true;
  }

  // Called before every event with the reader's place in the text.
  void at(std::size_t position) { position_ = position; }
  [[nodiscard]] bool too_deep() const { return too_deep_; }
  [[nodiscard]] std::optional<std::size_t> innermost_open() const {
    if (open_.empty()) return std::nullopt;
    return open_.back().node->offset;
  }
  Node take_root() { return std::move(root_); }

  // Of the token that ends at the reader's place, or that it is in.
  std::uint32_t token_start() const {
    std::size_t i = end_of_last_;
    while (i < text_.size()) {
      const char c = text_[i];
      if (c == '/') {
        const bool block = text_.substr(i, 2) == "/*";
        const std::size_t end = text_.find(block ? "*/" : "\n", i + 2);
        if (end == std::string_view::npos) break;
        i = end + (block ? 2 : 1);
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ':') {
        ++i;
      } else {
        break;
      }
    }
    return static_cast<std::uint32_t>(i);
  }

 private:
  struct Open {
    Node* node;
    std::unordered_set<std::string> keys;
  };

  // The place of the next value: the root, a new list item, or the value of the last key. Pointers
  // on the stack stay good because a container does not grow while one of its children is open.
  Node* next_place() {
    if (open_.empty()) return &root_;
    Node& parent = *open_.back().node;
    if (parent.kind == Node::Kind::Object) return &parent.members.back().value;
    return &parent.items.emplace_back();
  }

  Node* scalar(Node::Kind kind) {
    Node* node = next_place();
    node->kind = kind;
    node->offset = token_start();
    end_of_last_ = position_;
    return node;
  }

  bool open(Node::Kind kind) {
    Node* node = next_place();
    node->kind = kind;
    node->offset = token_start();
    end_of_last_ = node->offset + std::size_t{1};
    too_deep_ = open_.size() >= kDepthMax;
    if (too_deep_) return false;
    open_.push_back({node, {}});
    return true;
  }

  bool close() {
    end_of_last_ = token_start() + std::size_t{1};
    open_.pop_back();
    return true;
  }

  void repeated(const Member& member) {
    if (document_.problems.size() >= kRepeatedKeysMax) return;
    std::string pointer;
    std::size_t first = 0;
    for (std::size_t depth = 0; depth < open_.size(); ++depth) {
      const Node& node = *open_[depth].node;
      if (depth + 1 == open_.size()) {
        pointer += pointer_step(member.key);
        first = std::find_if(node.members.begin(), node.members.end(), [&](const Member& m) {
                  return m.key == member.key;
                })->key_offset;
      } else if (node.kind == Node::Kind::Object) {
        pointer += pointer_step(node.members.back().key);
      } else {
        pointer += "/" + std::to_string(node.items.size() - 1);
      }
    }
    document_.problems.push_back({member.key_offset, std::move(pointer), "repeated-key",
                                  "key \"" + member.key.substr(0, kQuotedKeyMax) +
                                      "\" appears twice; it is already on line " +
                                      std::to_string(position_of(text_, first).line) +
                                      ": keep one of them"});
  }

  std::string_view text_;
  std::size_t end_of_last_;
  std::size_t position_ = 0;
  bool too_deep_ = false;
  Document& document_;
  Node root_;
  std::vector<Open> open_;
};

// RapidJSON reads from this; it tells the builder how far it has come.
class TrackedStream {
 public:
  using Ch = char;
  TrackedStream(std::string_view text, std::size_t begin, TreeBuilder& builder)
      : text_(text), position_(begin), builder_(builder) {}

  Ch Peek() const { return position_ == text_.size() ? '\0' : text_[position_]; }
  Ch Take() {
    if (position_ == text_.size()) return '\0';
    const Ch taken = text_[position_++];
    builder_.at(position_);
    return taken;
  }
  std::size_t Tell() const { return position_; }
  // Only for parsing in place, which is not done.
  Ch* PutBegin() { return nullptr; }
  void Put(Ch) {}
  void Flush() {}
  std::size_t PutEnd(Ch*) { return 0; }

 private:
  std::string_view text_;
  std::size_t position_;
  TreeBuilder& builder_;
};

const char* words(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorDocumentEmpty:
      return "the file is empty; it should hold one object in braces { }";
    case rapidjson::kParseErrorDocumentRootNotSingular:
      return "there is more after the end of the object; a file holds one object in braces { }";
    case rapidjson::kParseErrorValueInvalid:
      return "no value can be read here; a value is text in double quotes, a number, true, false, "
             "a list in [ ] or an object in { }";
    case rapidjson::kParseErrorObjectMissName:
      return "a key is expected here; keys stand in double quotes";
    case rapidjson::kParseErrorObjectMissColon:
      return "a colon is missing between key and value";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
      return "a comma or a closing brace } is missing before this";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
      return "a comma or a closing bracket ] is missing before this";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return "this \\u escape is not a character; write the character itself";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "this escape does not exist; a backslash in text is written \\\\";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return "this character is not UTF-8; save the file as UTF-8";
    case rapidjson::kParseErrorNumberTooBig:
    case rapidjson::kParseErrorNumberMissFraction:
    case rapidjson::kParseErrorNumberMissExponent:
      return "this number is not complete; write for example 12 or 0.5";
    default:  // the reader's word for the only other thing that can be wrong
      return "a comment is not closed; /* ends with */, and // with the line";
  }
}

SyntaxProblem syntax_problem(std::string_view text, rapidjson::ParseErrorCode code,
                             std::size_t offset, const TreeBuilder& builder) {
  if (builder.too_deep()) {
    return {offset, "", "too-deep",
            "objects and lists stand more than " + std::to_string(kDepthMax) +
                " deep inside each other; no configuration needs that"};
  }
  // The reader stops at the line's end; what is missing belongs to the text's begin.
  const bool raw_break = code == rapidjson::kParseErrorStringEscapeInvalid &&
                         offset < text.size() && static_cast<unsigned char>(text[offset]) < 0x20;
  if (code == rapidjson::kParseErrorStringMissQuotationMark || raw_break) {
    return {builder.token_start(), "", "syntax",
            "this text has no closing double quote on its line; a line break inside text is "
            "written \\n, a tab \\t"};
  }
  const auto open = builder.innermost_open();
  if (offset >= text.size() && open && code != rapidjson::kParseErrorUnspecificSyntaxError) {
    return {offset, "", "syntax",
            std::string("the file ends too early; the ") + text[*open] + " of line " +
                std::to_string(position_of(text, *open).line) + " has no closing " +
                (text[*open] == '{' ? "}" : "]")};
  }
  return {offset, "", "syntax", words(code)};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const auto& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Document parse_document(std::string_view text) {
  Document document;
  if (text.size() > kFileBytesMax) {
    document.problems.push_back({0, "", "too-large",
                                 "the file is larger than " + std::to_string(kFileBytesMax) +
                                     " bytes; no configuration needs that"});
    return document;
  }
  // RapidJSON takes a NUL for the end, and would not look at what follows it.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    document.problems.push_back(
        {nul, "", "syntax", "a zero byte stands here; save the file as plain text in UTF-8"});
    return document;
  }
  const std::size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;  // as some editors write it
  TreeBuilder builder(text, begin, document);
  TrackedStream stream(text, begin, builder);
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseCommentsFlag | rapidjson::kParseTrailingCommasFlag;
  rapidjson::Reader reader;
  const rapidjson::ParseResult outcome = reader.Parse<kFlags>(stream, builder);
  if (outcome.IsError()) {
    document.problems.push_back(syntax_problem(text, outcome.Code(), outcome.Offset(), builder));
  } else {
    document.root = builder.take_root();
  }
  return document;
}

Position position_of(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  Position position{1, 1};
  position.line += static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  for (const char c : before.substr(line_begin)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U) ++position.column;  // not a UTF-8 continuation byte
  }
  if (line_begin == 0 && text.starts_with("\xEF\xBB\xBF") && offset >= 3) --position.column;
  return position;
}

const Node* resolve(const Node& root, std::string_view pointer) {
  const Node* node = &root;
  while (node != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view step = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(step.size());
    const Node* next = nullptr;
    if (node->kind == Node::Kind::Object) {
      for (const auto& member : node->members) {
        if (pointer_step(member.key).substr(1) == step) {
          next = &member.value;
          break;
        }
      }
    } else {
      for (std::size_t i = 0; i < node->items.size() && next == nullptr; ++i) {
        if (std::to_string(i) == step) next = &node->items[i];
      }
    }
    node = next;
  }
  return node;
}

std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char c : key) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return step;
}

}  // namespace hubward::config
