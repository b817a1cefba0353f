"""Diffusion from scratch: a small UNet learns to draw digits by taking noise away.

Needs: pip install torch diffusers scikit-learn matplotlib tqdm
"""

# %% read the digits
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

pixels, labels = load_digits(return_X_y=True)  # 8 x 8, from 0 (paper) to 16 (ink)
train, test, train_labels, test_labels = train_test_split(
    pixels, labels, test_size=360, stratify=labels, random_state=0
)
seen, fresh = (torch.tensor(x / 8 - 1).float().view(-1, 1, 8, 8) for x in (train, test))

# %% start from random weights
from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel

torch.manual_seed(0)
form = {"sample_size": 8, "in_channels": 1, "out_channels": 1, "layers_per_block": 1}
form |= {"block_out_channels": (32, 64), "norm_num_groups": 8, "attention_head_dim": 16}
form |= {"down_block_types": ["DownBlock2D", "AttnDownBlock2D"]}
form |= {"up_block_types": ["AttnUpBlock2D", "UpBlock2D"]}
model = UNet2DModel(**form).to(memory_format=torch.channels_last)  # a fifth faster
average = EMAModel(model.parameters(), decay=0.995)  # steadier than the last step
scheduler = DDIMScheduler(beta_schedule="squaredcos_cap_v2")
print(f"{model.num_parameters():,} random weights, {len(seen)} digits to learn from")


def error(images: torch.Tensor) -> torch.Tensor:  # in telling the noise in them
    noise = torch.randn_like(images)
    times = ((torch.rand(1) + torch.linspace(0, 1, len(images))) % 1 * 1000).long()
    guess = model(scheduler.add_noise(images, noise, times), times).sample
    return (guess - noise).pow(2).mean()


# %% learn to take noise away timeout=900
from tqdm import trange

steps, losses = 2000, []
optimizer = torch.optim.AdamW(model.parameters(), fused=True)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.1)
for _ in trange(steps):
    loss = error(seen[torch.randint(len(seen), (64,))])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    schedule.step()
    average.step(model.parameters())
    losses.append(loss.item())
average.copy_to(model.parameters())
with torch.inference_mode():
    print(f"error {error(seen):.3f} on its digits, {error(fresh):.3f} on fresh ones")

# %% draw the loss curve
import matplotlib.pyplot as plt

figure, axes = plt.subplots(label="Line chart: the loss falls steeply, then slowly")
axes.plot(range(0, steps, 20), torch.tensor(losses).view(-1, 20).mean(1))
axes.set(xlabel="step", ylabel="loss, mean of 20 steps", yscale="log")
plt.show()

# %% save it and let it draw
pipeline = DDIMPipeline(model.eval(), scheduler)
pipeline.save_pretrained("trained/digit-diffusion")
chance = torch.Generator().manual_seed(0)
drawn = pipeline(300, chance, eta=1.0, output_type="np").images.reshape(-1, 64) * 16

# %% ask a classifier that learnt from real digits
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

judge = OneVsRestClassifier(SVC(gamma=0.001, C=10)).fit(train, train_labels)
print(f"the judge is right on {judge.score(test, test_labels):.3f} of unseen digits")
bar = sorted(judge.decision_function(test).max(1))[len(test) // 20]  # 95 % pass it
noise = torch.rand(200, 64, generator=chance).numpy() * 16
for name, group in {"unseen": test, "drawn": drawn, "noise": noise}.items():
    passed = (judge.decision_function(group).max(1) >= bar).mean()
    near = torch.cdist(*(torch.tensor(x).float() for x in (group, train))).amin(1)
    print(f"{name}: {passed:.3f} recognised, {near.median():.1f} from a training digit")
kinds = torch.tensor(judge.predict(drawn)).bincount(minlength=10)
print("drawn of each kind, 0 to 9:", kinds.tolist())
