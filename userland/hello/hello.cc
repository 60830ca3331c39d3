// An ordinary C++ program that knows nothing of this system: streams, strings, a map, exceptions
// and static constructors, so that its start-up and its libraries are put to work. Built with
// Debian's g++ as static, static-PIE and dynamic program; each must run unmodified.
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

namespace {

const std::map<std::string, int> kLetters = {{"hello", 5}, {"vitrine", 7}};  // built before main()

int letters_of(const std::string& word) {
    auto found = kLetters.find(word);
    if (found == kLetters.end()) throw std::out_of_range(word);
    return found->second;
}

}  // namespace

int main(int argc, char** argv) {
    std::cout << "hello from C++, " << argc << " argument(s), " << letters_of("hello") << " letters"
              << std::endl;
    for (int i = 1; i < argc; i++) {
        std::cout << "argument " << i << ": " << argv[i] << '\n';
    }
    try {
        return letters_of("unknown");
    } catch (const std::out_of_range& error) {
        std::cout << "caught " << error.what() << std::endl;
    }
    return 0;
}
