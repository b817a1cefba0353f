"""Take bits from the weights of a trained network: how few will do, and where it falls off.

Needs: pip install torch scikit-learn
"""

# %% train a small network
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

pixels, labels = load_digits(return_X_y=True)
parts = train_test_split(
    pixels.astype("float32") / 16, labels, test_size=360, random_state=0
)
x, x_test, y, y_test = map(torch.tensor, parts)
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(300):
    loss = torch.nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
exact = {name: tensor.clone() for name, tensor in model.state_dict().items()}


# %% round the weights
def rounded(tensor: torch.Tensor, bits: int) -> torch.Tensor:
    if bits == 32:
        return tensor
    if bits == 16:
        return tensor.half().float()
    scale = tensor.abs().max() / (2 ** (bits - 1) - 1)
    return (tensor / scale).round() * scale


# %% climb down the ladder
weights = sum(tensor.numel() for tensor in exact.values())
for bits in (32, 16, 8, 6, 5, 4, 3, 2):
    model.load_state_dict({name: rounded(tensor, bits) for name, tensor in exact.items()})
    with torch.inference_mode():
        right = int((model(x_test).argmax(1) == y_test).sum())
    print(f"{bits:2} bit  {weights * bits // 8:5,} bytes  {right} of {len(x_test)} digits")
